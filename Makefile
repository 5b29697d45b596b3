# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: demo test lint types unit coverage bench docs
.DEFAULT_GOAL := test

# Set-up runs again only when what it installs has changed.
$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet -c constraints.txt -e '.[dev]'
	touch $@

# The quickstart study, on the real layers of SYNTHEM_DATA where they are, else on drawn ones; its last line names the
# page to open. It goes on where it was interrupted. `make demo DEMO=--quick` takes a minute or two.
demo: $(READY)
	$(BIN)/synthem sweep quickstart --out demo/quickstart$(if $(DEMO),-quick) $(DEMO)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache

types: $(READY)
	$(BIN)/mypy
	$(BIN)/mypy docs/results

unit: $(READY)
	$(BIN)/python -m pytest --cov --cov-report=

coverage: unit
	$(BIN)/coverage report

bench: $(READY)
	$(BIN)/python benchmarks/generate.py
	$(BIN)/python benchmarks/training.py

docs: $(READY)
	$(BIN)/mkdocs build --strict

test: lint types coverage
