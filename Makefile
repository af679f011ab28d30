# make demo   the phoneme ladder on synthetic speech, from nothing to a report
# make test   the whole test suite
# make check  format, lint, types and the direction of imports, as CI runs them
# make attack MINUTES=30 SEED=1 JOBS=2   damaged files, bombs, kills: see docs/reliability.md
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
MINUTES ?= 10
SEED ?= 1
JOBS ?= 1
READY := $(VENV)/ready

.PHONY: demo test check attack clean

# constraints.txt pins the versions that the tests and the demo run with.
$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'bossline needs Python 3.11 or newer')"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $(READY)

demo: $(READY)
	$(BIN)/bossline synth --name demo --hours 1 --voices 48
	$(BIN)/bossline ladder phoneme --corpus demo --to strong

# One thread a worker: workers with several threads each would wait for one another.
test: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

attack: $(READY)
	$(BIN)/python -m tests.attack --minutes $(MINUTES) --seed $(SEED) --jobs $(JOBS)

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache
