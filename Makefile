# Two commands: `make demo` runs the pipeline on its own demo world, `make test` runs every check.
PYTHON ?= python3.11
SEEDS ?= 21,22,23
BIN := .venv/bin
SETUP := .venv/.complete
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: demo study test lint setup estimate show

demo: setup
	dvc repro
	@PYTHONPATH=src python stages/show.py

# the study of the README: three seeds, in a clone of its own that shares the cache; its small files are kept
study: setup
	rm -rf .work/study && git clone --quiet . .work/study
	cd .work/study && dvc cache dir --local ../../.dvc/cache && dvc exp run --set-param 'seeds=[$(SEEDS)]'
	mkdir -p report/study && cp .work/study/report/report.md .work/study/metrics/results.csv report/study/
	cp .work/study/report/plots/*.svg report/study/
	@cd .work/study && PYTHONPATH=src python stages/show.py

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
