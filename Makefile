.PHONY: demo check test real docs bench

demo: ## the simulator with a dozen mailboxes, and the exporter beside it
	cargo run --release --example demo

check: ## formatting and lints
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings

test: ## hermetic where Dovecot and Postfix are not installed
	cargo test --workspace --locked

real: ## the same, after installing the servers that nobody here wrote
	bash .ci/run

docs: ## docs/reasons.md, docs/metrics.md and docs/odoo-findings.md out of the tables
	BLESS=1 cargo test --locked --test house generated_pages_are_current

bench: ## ratios, never absolute times
	cargo bench --locked --bench round --bench scrape --bench fleet
