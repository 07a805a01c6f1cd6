# `make demo` and `make test` set up everything they need; run either on a fresh machine.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export HF_HUB_OFFLINE ?= 1

.PHONY: demo test test-fast test-slow lint audit browser benchmarks screenshots animation clean

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

demo: $(VENV)/.installed
	$(BIN)/suture demo

browser:
	@command -v chromium >/dev/null || (apt-get update -qq && apt-get install -y -qq chromium >/dev/null) \
	  || (sudo apt-get update -qq && sudo apt-get install -y -qq chromium >/dev/null)

# Three processes keep two cores busy, as a third of the time is waiting for browsers and child processes; one thread
# each. A file of tests stays in one process, longest files first.
WORKERS ?= 3
PYTEST = OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 NUMBA_NUM_THREADS=1 \
  $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder --durations 20

test: $(VENV)/.installed-dev browser  # everything but what test-slow runs: at most 12 minutes on two cores
	$(PYTEST)

test-fast: WORKERS := 2  # little waits here
test-fast: $(VENV)/.installed-dev  # the pure part, at most 2 minutes: no browser, no Ray, no training, no test of several seconds
	$(PYTEST) -m 'not slow and not ray and not seconds' tests/analysis tests/data tests/models/test_losses.py

test-slow: $(VENV)/.installed-dev browser  # what needs long: kills, Ray, thousands of mutated files, claims about training
	$(PYTEST) -m 'slow or ray'

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/bandit -q -c pyproject.toml -r app.py suture analysis cli data jobs models pages workflows

audit: $(VENV)/.installed  # asks a database of advisories in the net; no part of the other checks
	$(BIN)/python -m pip install --quiet pip-audit
	$(BIN)/pip-audit --skip-editable

benchmarks: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks.embedding
	$(BIN)/python -m benchmarks.losses
	$(BIN)/python -m benchmarks.dial
	$(BIN)/python -m benchmarks.retrieval --large
	$(BIN)/python -m benchmarks.instrument
	$(BIN)/python -m benchmarks.maps
	$(BIN)/python -m benchmarks.neighbours
	$(BIN)/python -m benchmarks.explorer
	$(BIN)/python -m benchmarks.scale --upto 100000

screenshots: $(VENV)/.installed-dev browser
	$(BIN)/python -m tests.e2e.screenshots docs/screenshots

animation: $(VENV)/.installed
	$(BIN)/python -m tests.e2e.animation docs/screenshots/closing.gif

clean:
	rm -rf $(VENV) build *.egg-info
