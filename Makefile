# make up runs the loop, make test checks it. `make help` tells the rest.
.DEFAULT_GOAL := help
SHELL := /bin/sh
.PHONY: help up test lint web format types docs torch extras sync sync-runtime clean

BIN := .venv/bin

# Container images set it, and each of the many processes would then compile all that it imports anew.
unexport PYTHONDONTWRITEBYTECODE

help: ## what there is to make
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-14s %s\n", $$1, $$2}'

# exec, so that Ctrl-C and a SIGTERM to make reach candleloop itself and not a shell between.
up: sync-runtime ## start API, console, chart, MLflow and worker; Ctrl-C ends them
	@exec $(BIN)/candleloop up

# The checks before the tests run beside each other, and each one's lines stay together.
test: sync ## format check, lint, types, import contracts, the chart's checks, unit tests, doctests, end-to-end
	@$(MAKE) --no-print-directory --jobs 3 --output-sync=target web lint torch
	$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

lint: sync ## format check, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

web: sync ## the chart's format check, lint, types and tests; needs Node.js
	$(BIN)/python scripts/check_web.py

format: sync ## format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

types: sync ## write web/candleloop/candleloop-api.d.ts anew from the API; needs npm
	$(BIN)/python scripts/write_types.py web/candleloop/candleloop-api.d.ts

docs: sync ## write docs/reference anew from the code, and the documentation as a site into site/
	$(BIN)/python scripts/write_reference.py
	$(BIN)/zensical build --clean --strict

torch: sync ## PyTorch for the sequence models, without CUDA where that build can be had
	@sh scripts/torch.sh

extras: ## clients of PostgreSQL, Redis and S3, and Dask, for teams of more than one machine
	@sh scripts/uv.sh sync --frozen --no-dev --inexact --extra servers --extra cluster

# --inexact leaves what make test has installed, so that up and test do not undo each other.
sync-runtime:
	@sh scripts/uv.sh sync --frozen --no-dev --inexact

sync:
	@sh scripts/uv.sh sync --locked --inexact --extra servers --extra cluster

clean: ## remove the environment and all caches; var/, where the data is, stays
	rm -rf .venv .uv site web/node_modules web/.next .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -not -path './web/*' -prune -exec rm -rf {} +
