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

demo: $(READY)
	$(BIN)/synthem generate --axons 3 --n 300 --out demo/tiles
	$(BIN)/synthem preview demo/tiles --out demo/tiles.png
	@echo "Open demo/tiles.png; load demo/tiles with datasets.load_from_disk."

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache

types: $(READY)
	$(BIN)/mypy

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
