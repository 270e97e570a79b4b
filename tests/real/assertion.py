"""Reads, with Python's own libraries, the form that carried an assertion: prints its grant type, header and claims, a JSON
a line, and writes what was signed and the signature into a folder, for openssl.

Called as assertion.py FOLDER, with the form on standard input.
"""

import base64
import json
import pathlib
import sys
import time
import urllib.parse

form = dict(urllib.parse.parse_qsl(sys.stdin.read(), strict_parsing=True))
signed, signature = form["assertion"].rsplit(".", 1)


def decoded(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


header, claims = (json.loads(decoded(part)) for part in signed.split("."))
claims["exp"] -= claims["iat"]
claims["iat"] = "now" if abs(time.time() - claims["iat"]) < 60 else "some other time"
print(json.dumps(form["grant_type"]))
print(json.dumps(header))
print(json.dumps(claims))
folder = pathlib.Path(sys.argv[1])
(folder / "signed").write_text(signed)
(folder / "signature").write_bytes(decoded(signature))
