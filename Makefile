# `make` prints what there is. Two commands do everything on a fresh machine: `make demo` runs the
# pipeline on its own demo world, `make test` runs every check.
PYTHON ?= python3.11
SEEDS ?= 31,32,33,34,35
A ?= HEAD
B ?= workspace
MODEL ?=
DATA ?=
REPO ?=
BIN := .venv/bin
SETUP := .venv/.complete
PIP := $(BIN)/python -m pip install --quiet --no-compile
export PATH := $(CURDIR)/$(BIN):$(PATH)
# each stage is a process of its own: without byte code, it would compile its modules anew
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo tune ask serve study ablation test check lint setup estimate show compare publish

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*##/\1 \t/p' $(MAKEFILE_LIST) | expand -t 12

demo: setup  ## run the whole study in the demo world and show its table
	@PYTHONPATH=src python stages/check_params.py
	dvc repro
	@PYTHONPATH=src python scripts/show.py

tune: setup  ## tune a model on the data of params.yaml and evaluate it (profiles/one_gpu.yaml)
	@PYTHONPATH=src python -m reset.tools.cli tune

PASSAGES ?=
ask: setup  ## put questions to a model: make ask MODEL=reset_31 PASSAGES=notes.txt
	@PYTHONPATH=src python scripts/ask.py "$(MODEL)" $(if $(PASSAGES),--passages "$(PASSAGES)")

serve: setup  ## serve a model behind an OpenAI-compatible address: make serve MODEL=reset_31
	@PYTHONPATH=src python scripts/serve.py "$(MODEL)"

# the study of the README: its small files are kept in report/study, and the work tree is as before. One seed after the
# other: DVC writes its whole lock anew after each stage, which with five seeds in it would take most of the time
study: setup  ## the results of the README, one seed after the other: SEEDS=31,32
	@git rev-parse HEAD > /dev/null  # git says itself why it does not read this repository
	@git diff --quiet HEAD || { echo "commit your changes first: the study runs on a clean work tree"; exit 1; }
	@grep -q '^seeds: \[.*\]' params.yaml || { echo "params.yaml: 'seeds' must stand on one line, as in seeds: [31]"; exit 1; }
	@trap 'exit 1' INT TERM; trap '$(PUT_BACK)' EXIT; set -e; \
	for seed in $$(echo $(SEEDS) | tr , ' '); do \
	git checkout --quiet dvc.lock; sed -i "s/^seeds: .*/seeds: [$$seed]/" params.yaml; dvc repro; done; \
	sed -i 's/^seeds: .*/seeds: [$(SEEDS)]/' params.yaml; dvc repro --single-item report; \
	mkdir -p report/study/plots; cp report/plots/*.svg report/study/plots/; \
	cp report/report.md metrics/results.csv metrics/intervals.csv report/study/; \
	PYTHONPATH=src python scripts/study_pages.py; PYTHONPATH=src python scripts/show.py

# whatever became of the study; what it has computed stays in DVC's cache, so that the next one goes on from there
define PUT_BACK
git checkout --quiet -- . ":!report/study" ":!README.md" ":!docs/results.md"; git clean --quiet --force metrics report/plots; \
rm -rf data/candidates data/answers; dvc checkout --quiet || echo "dvc.lock is older than the code: run dvc repro"
endef

# one experiment with other params, in a copy; the report compares its numbers with those of the study that it changes
SET ?= ranking.selection=worst
KEPT = report/ablations/$(subst /,-,$(SET))
ablation: setup  ## one experiment in a copy, kept for the report: SET="ranking.selection=worst"
	@dvc exp remove --quiet ablation 2>/dev/null || true  # exp run --force would compute all stages again
	dvc exp run --temp --name ablation $(foreach change,$(SET),--set-param '$(change)')
	mkdir -p '$(KEPT)'
	dvc get --force . metrics/results.csv --rev ablation --out '$(KEPT)/results.csv'
	dvc get --force . metrics/summary.json --rev ablation --out '$(KEPT)/summary.json'
	@rm -f '$(KEPT)/study.csv'  # the committed results, where these params are the committed ones
	@if git diff --quiet HEAD -- params.yaml && git cat-file -e HEAD:metrics/results.csv 2> /dev/null; then \
	git show HEAD:metrics/results.csv > '$(KEPT)/study.csv'; fi

# one thread a process: threads of PyTorch that wait for a core spin, and take it from the others
PYTEST = OMP_NUM_THREADS=1 pytest
FAST = $(PYTEST) -n 2 --dist loadfile -m "not integration"

test: setup lint  ## every check: lint, types, all tests
	$(FAST)
	$(PYTEST) -m integration

check: setup lint  ## the fast checks: no DVC run, no server
	$(FAST)

lint: setup  ## ruff and mypy
	ruff check .
	ruff format --check .
	mypy

estimate: setup  ## what a paid judge will cost
	@PYTHONPATH=src python scripts/estimate.py

show: setup  ## the result table, and the page of this run
	@PYTHONPATH=src python scripts/show.py

# two revisions, tags or experiments side by side; "workspace" is what lies here now
compare: setup  ## two revisions side by side: A=HEAD B=workspace
	@PYTHONPATH=src python scripts/compare.py "$(A)" "$(B)"

# a run's model to the hub, or with DATA in place of MODEL the candidates and winners of a pool
publish: setup  ## a model, or a pool's rows, to the hub: MODEL=reset_31 (or DATA=) REPO=owner/name
	@PYTHONPATH=src python scripts/publish.py $(if $(DATA),--data) "$(or $(DATA),$(MODEL))" "$(REPO)"

setup: $(SETUP)  ## the virtual environment

# summac pins a hub client that is years old, so it comes without its dependencies. Byte code is made
# of what stages import: for all packages it would take half a minute more
$(SETUP): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(PIP) --constraint constraints.txt --editable ".[test]"
	$(PIP) --no-deps summac==0.0.4
	$(BIN)/python -c "import datasets, dvc.repo.reproduce, openai, reset.training.trainer"
	touch $@
