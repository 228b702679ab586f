# Each target does all its own set-up: a virtual environment in .venv and an install there. PYTHON chooses the interpreter.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := pyproject.toml CMakeLists.txt $(wildcard src/steepest/kernels/native/*)
PYTEST := $(BIN)/python -m pytest -n 2

.PHONY: run test test-slow check format sanitize fuzz bench oracle clean

run: $(VENV)/.installed
	$(BIN)/steepest train digits --out runs/digits-$$(date +%Y%m%d-%H%M%S)

test: $(VENV)/.dev
	$(PYTEST) -m "not slow"

test-slow: $(VENV)/.dev
	$(PYTEST) -m slow

# The one gate for a person and for CI: format, lint, types.
check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The native code under AddressSanitizer, UndefinedBehaviorSanitizer and ThreadSanitizer; the 16-lane code on any processor.
sanitize: $(VENV)/.dev
	tests/kernels/sanitize.sh address
	tests/kernels/sanitize.sh thread
	tests/kernels/sanitize.sh wide

# Minutes of random bytes for the binary readers; the tests run a few seconds of it.
fuzz: $(VENV)/.dev
	$(BIN)/python tests/data/fuzz_binary_readers.py --seconds 120

# Every op against PyTorch, value and gradient (the CPU build is enough; gigabytes on some machines).
oracle: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	$(PYTEST) tests/oracle

# Measure against the rivals (pip install --group bench: gigabytes on some machines).
bench: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group bench
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/.made:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	touch $@

$(VENV)/.installed: $(VENV)/.made $(SOURCES)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(VENV)/.dev: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group dev
	touch $@
