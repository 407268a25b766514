# Two commands: `make demo` runs the pipeline on its own demo world, `make test` runs every check.
PYTHON ?= python3.11
BIN := .venv/bin
SETUP := .venv/.complete
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: demo test lint setup estimate show

demo: setup
	dvc repro
	@PYTHONPATH=src python stages/show.py

test: setup lint
	pytest

lint: setup
	ruff check .
	ruff format --check .
	mypy

estimate: setup
	@PYTHONPATH=src python stages/estimate.py

show: setup
	@PYTHONPATH=src python stages/show.py

setup: $(SETUP)

# summac pins a hub client that is years old, so it comes without its dependencies
$(SETUP): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[test]"
	$(BIN)/python -m pip install --quiet --no-deps summac==0.0.4
	touch $@
