# Two commands do everything on a fresh machine with Python 3.11+, Go 1.26+ and make: `make demo` and `make test`.
# `make help` lists the rest.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
PACK := policy/.venv

# Bytecode is written when a module is first imported, also where somebody's shell says otherwise: without it every
# start of Python, and a demo has some thirty, compiles its imports anew.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help tools virtualenv demo rehearse test lint sandbox down clean

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

tools: virtualenv ## Prepare the virtualenv and every tool (the first time about ten minutes)
	@$(BIN)/python -m sandbox prepare

virtualenv: $(INSTALLED) $(PACK)/.installed ## Prepare the program and the policy pack alone, as CI does

demo: tools ## Run the main job in the sandbox and check every claim
	@$(BIN)/python -m sandbox.demo

rehearse: tools ## Rehearse the kill switch in every failure (more than 40 minutes) and write docs/kill-switch.md's tables
	@$(BIN)/python -m sandbox.rehearse

test: tools ## Run all tests
	@$(BIN)/pytest -n 2 --dist loadfile

lint: $(INSTALLED) ## Check style, types and workflows
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/pyright
	@actionlint=$$($(BIN)/python -m sandbox actionlint) && $$actionlint -shellcheck= -pyflakes= .github/workflows/*.yml
	@$(BIN)/zizmor --offline --quiet --pedantic .github/workflows

sandbox: tools ## Start the sandbox for use by hand, and leave it running
	@$(BIN)/python -m sandbox up

down: ## End the sandbox that `make sandbox` started
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m sandbox down; else echo "Nothing was up."; fi

clean: down ## End the sandbox; remove the virtualenv and what was built here (built tools stay in the cache)
	rm -rf build $(VENV) $(PACK) .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Written last, so that an installation that was cut short is done again.
$(INSTALLED): $(wildcard requirements/*.txt)
	@command -v $(PYTHON) >/dev/null || { echo "error: $(PYTHON) is not on PATH. Install Python 3.11 or newer," \
		"or name one: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "error: $$($(PYTHON) --version)" \
		"is too old: 3.11 or newer is needed. Name one: make PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "Preparing the virtualenv in $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --no-compile --disable-pip-version-check -r requirements/dev.txt
	@touch $@

# The policy pack's own: its library wants another protobuf than the program's.
$(PACK)/.installed: policy/requirements.txt
	@echo "Preparing the policy pack's virtualenv in $(PACK) ..."
	@$(PYTHON) -m venv $(PACK)
	@$(PACK)/bin/pip install --no-compile --disable-pip-version-check -q -r policy/requirements.txt
	@touch $@
