# Two commands do everything: `make reports` and `make test`. Each sets up what it needs first.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
JOBS ?= $(shell nproc 2>/dev/null || echo 2)

.PHONY: reports test test-slow test-browser lab bench lint format messages clean setup

reports: setup  ## every page under reports/, from the data in the repo
	$(BIN)/evaluation run --jobs $(JOBS)

test: lint  ## what CI runs: style, types, layers, then every quick test
	$(BIN)/python -m pytest -n $(JOBS) -m "not slow and not browser"

test-slow: setup  ## simulations and whole runs
	$(BIN)/python -m pytest -m slow

test-browser: setup  ## pages in Chromium (skipped where there is none)
	$(BIN)/python -m pytest -m browser

lab: setup  ## JupyterLab with the notebooks
	JUPYTER_DEFAULT_PROVISIONER_NAME=kota-cerdas-warm $(BIN)/jupyter lab --notebook-dir=notebooks

bench: setup  ## us and the peers side by side
	for bench in benchmarks/bench_*.py; do OPENBLAS_NUM_THREADS=1 $(BIN)/python $$bench; done

lint: setup
	$(BIN)/ruff check src tests benchmarks
	$(BIN)/ruff format --check src tests benchmarks
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup
	$(BIN)/ruff check --fix src tests benchmarks
	$(BIN)/ruff format src tests benchmarks

messages: setup  ## collect new sentences into the catalogue for translation
	$(BIN)/python -m evaluation.reporting.messages

clean:
	rm -rf data/processed reports build .mypy_cache .ruff_cache .import_linter_cache

setup: .venv/.ready

.venv/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	$(BIN)/python -m evaluation.execution.provisioner
	touch $@
