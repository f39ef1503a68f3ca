# Two commands: `make demo` and `make test`. Both set up what they need in .venv. CI runs `make test-fastai`, too.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints-dev.txt

# Tests of how models are learned, and all others: two halves of about the same time, run side by side.
LEARNING := $(addprefix tests/,collab conformance kernels properties solvers)

# A shell makes what it runs in the background deaf to Ctrl-C, which some tests send themselves.
HEARING := $(BIN)/python -c 'import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])'

# fastai needs some forty packages that nothing else does. They lie in an environment of their own, on top of .venv.
FASTAI := .venv-fastai
PACKAGES := -c "import sysconfig; print(sysconfig.get_path('purelib'))"

.PHONY: demo test test-fastai format bench clean

demo: $(VENV)/.installed  ## train on MovieLens-100k (or the built-in sample) and look at the result
	@$(BIN)/python examples/demo.py

test: $(VENV)/.installed-dev  ## all checks, as CI runs them
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	rm -f .coverage .coverage.*
	$(HEARING) $(BIN)/coverage run --data-file=.coverage.learning -m pytest -p no:cacheprovider $(LEARNING) > .learning.log 2>&1 & \
	learning=$$!; \
	$(BIN)/coverage run --data-file=.coverage.rest -m pytest $(addprefix --ignore=,$(LEARNING)); rest=$$?; \
	wait $$learning; learned=$$?; cat .learning.log; exit $$((rest + learned))
	NUMBA_DISABLE_JIT=1 $(BIN)/coverage run --data-file=.coverage.plain -m pytest tests/kernels  # compiled code is invisible
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

test-fastai: $(FASTAI)/.installed  ## the comparison with fastai itself, which it installs
	$(FASTAI)/bin/python -m pytest -p no:cacheprovider tests/beside_fastai

format: $(VENV)/.installed-dev  ## rewrite the code in the project's format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.installed-bench  ## every benchmark, beside its peers
	$(BIN)/python -m benchmarks

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("penchant needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(BIN)/python pyproject.toml constraints-dev.txt
	$(PIP) --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(PIP) --editable '.[dev]'
	@touch $@

$(VENV)/.installed-bench: $(VENV)/.installed
	$(PIP) --editable '.[bench]'
	@touch $@

$(FASTAI)/.installed: $(VENV)/.installed-dev constraints-fastai.txt
	rm -rf $(FASTAI)
	$(BIN)/python -m venv $(FASTAI)
	echo "import site; site.addsitedir('$$($(BIN)/python $(PACKAGES))')" > "$$($(FASTAI)/bin/python $(PACKAGES))/on_top.pth"
	$(FASTAI)/bin/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints-dev.txt --constraint constraints-fastai.txt fastai
	@touch $@

clean:  ## remove everything that these commands made
	rm -rf $(VENV) $(FASTAI) .coverage .coverage.* .learning.log .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache films.penchant
	find src tests benchmarks examples -name __pycache__ -type d -prune -exec rm -rf {} +
