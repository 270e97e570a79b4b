// An OAuth server that nobody here wrote (oidc-provider), set up the way Google's looks to a client: opaque access
// tokens, refresh tokens that stay the same, one scope for mail, and a revocation that ends the whole grant.
//
// The routes under /control/ are the tests' own door: consent without a browser, and a look at what was asked.
import { createServer } from 'node:http';
import { argv } from 'node:process';
import { Provider } from 'oidc-provider';

const MAIL = 'https://mail.google.com/';
const client = (client_id, token_endpoint_auth_method) => ({
  client_id,
  client_secret: `${client_id}-secret`,
  grant_types: ['authorization_code', 'refresh_token'],
  redirect_uris: ['http://127.0.0.1/callback'],
  token_endpoint_auth_method,
});

const port = Number(argv[2]);
const provider = new Provider(`http://127.0.0.1:${port}`, {
  // Google takes the secret in the body; Dovecot, which only introspects, sends it in the header.
  clients: [client('exporter', 'client_secret_post'), client('dovecot', 'client_secret_basic')],
  cookies: { keys: ['a key for tests'] },
  extraTokenClaims: (_ctx, token) => ({ email: token.accountId }),
  features: {
    devInteractions: { enabled: false },
    introspection: { allowedPolicy: (_ctx, _client, token) => judge(token), enabled: true },
    revocation: { enabled: true },
  },
  findAccount: (_ctx, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
  rotateRefreshToken: false,
  // Without offline_access among them, oidc-provider hands out no refresh tokens at all.
  scopes: [MAIL, 'https://www.googleapis.com/auth/gmail.send', 'offline_access'],
  ttl: { AccessToken: 3600, Grant: 86400, RefreshToken: 86400 },
});

const outages = new Set();
function judge(token) {
  if (outages.has(token.accountId)) throw new Error('an outage that a test asked for');
  return true;
}

const accessTokens = new Map();
const refreshes = new Map();
provider.on('access_token.saved', (token) => {
  accessTokens.set(token.accountId, [...(accessTokens.get(token.accountId) ?? []), token]);
});
provider.on('grant.success', (ctx) => {
  const user = ctx.oidc.entities.Account.accountId;
  refreshes.set(user, (refreshes.get(user) ?? 0) + 1);
});
provider.on('server_error', (_ctx, error) => console.error(error.message));

async function consent(user, scope) {
  const grant = new provider.Grant({ accountId: user, clientId: 'exporter' });
  grant.addOIDCScope(scope);
  const client = await provider.Client.find('exporter');
  return { accountId: user, client, grantId: await grant.save(), gty: 'authorization_code', scope };
}

const control = {
  // What `connect` ends with: the owner of the mailbox has agreed.
  async refresh_token(user, scope) {
    return new provider.RefreshToken(await consent(user, scope)).save();
  },
  async access_token(user, scope) {
    const token = new provider.AccessToken(await consent(user, scope));
    token.extra = { email: user };
    return token.save();
  },
  // Google ends access tokens before their time too, for instance when a password changes.
  async end_access_tokens(user) {
    const tokens = accessTokens.get(user) ?? [];
    accessTokens.delete(user);
    await Promise.all(tokens.map((token) => token.destroy()));
    return tokens.length;
  },
  // Whoever asks about this user's tokens is answered with status 500 from now on.
  async fail_introspection(user) {
    outages.add(user);
  },
  async refreshes(user) {
    return refreshes.get(user) ?? 0;
  },
};

const answer = provider.callback();
createServer(async (request, response) => {
  const url = new URL(request.url, provider.issuer);
  const action = control[url.pathname.replace('/control/', '')];
  if (!action) return answer(request, response);
  const { user, scope = MAIL } = Object.fromEntries(url.searchParams);
  response.end(String(await action(user, scope)));
}).listen(port, '127.0.0.1');
