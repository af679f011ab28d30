# make demo   the phoneme ladder on synthetic speech, from nothing to a report
# make test   the whole test suite
# make test-oldest   what touches libraries, with the lowest versions that pyproject.toml allows
# make check  format, lint, types and the direction of imports, as CI runs them
# make readme  README.zh-CN.md from README.zh.md
# make attack MINUTES=30 SEED=1 JOBS=2   damaged files, bombs, kills: see docs/reliability.md
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
MINUTES ?= 10
SEED ?= 1
JOBS ?= 1
READY := $(VENV)/ready
OLDEST := .venv-oldest

.PHONY: readme demo test test-oldest check attack clean

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

# torch stays at the version of `make test`: of 2.9, the lowest, there is no wheel for x86 CPUs alone on
# PyPI, and what needs it (torch.optim.Muon) is known. ruff and mypy are no part of a run.
$(OLDEST)/ready: pyproject.toml constraints-oldest.txt
	$(PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints-oldest.txt --editable '.[all]' pytest pytest-xdist hypothesis scipy praatio pandas rapidfuzz \
		nbclient nbformat ipykernel
	touch $@

test-oldest: $(OLDEST)/ready
	OMP_NUM_THREADS=1 $(OLDEST)/bin/python -m pytest -n auto tests/core tests/data tests/recipes \
		tests/evaluation tests/models/fitted tests/models/tabular tests/runs tests/reports \
		tests/studies/tuning tests/cli tests/test_*.py

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

readme: $(READY)
	$(BIN)/python -m tests.simplified

attack: $(READY)
	$(BIN)/python -m tests.attack --minutes $(MINUTES) --seed $(SEED) --jobs $(JOBS)

clean:
	rm -rf $(VENV) $(OLDEST) build *.egg-info .pytest_cache .mypy_cache .ruff_cache
