# `make demo` and `make test` set up everything that they need; `make check` is what CI runs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# a file of tests at a time on each of two processes: half of the time of many tests is waiting for processes to start
SIDE_BY_SIDE := --numprocesses 2 --dist loadfile

.PHONY: demo test check faults kills docs web format bench clean
.DEFAULT_GOAL := demo

$(VENV)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: $(VENV)/.ready
	$(BIN)/papilio run first-look --out results/first-look
	$(BIN)/papilio run first-vae --out results/first-vae

test: $(VENV)/.ready
	$(BIN)/pytest $(SIDE_BY_SIDE)

check: $(VENV)/.ready
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/basedpyright
	$(BIN)/lint-imports
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
	$(BIN)/pytest $(SIDE_BY_SIDE)

# damaged and odd inputs, thousands of them, and what came of each; tests/faults tries a few dozen
faults: NUM ?= 4000
faults: SEED ?= 0
faults: $(VENV)/.ready
	$(BIN)/python -m tests.faults --num $(NUM) --seed $(SEED)

# studies killed at random moments and gone on with, compared byte for byte with undisturbed ones
kills: NUM ?= 100
kills: SEED ?= 0
kills: $(VENV)/.ready
	$(BIN)/python -m tests.faults.kills --num $(NUM) --seed $(SEED)

# the docs as pages, with the reference of commands and of Python: site/index.html
docs: $(VENV)/.ready
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

# the page of `papilio explore`, from web/; its result is committed, and only those who change the page need node
web:
	cd web && npm ci --ignore-scripts && npm run --silent build

format: $(VENV)/.ready
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

bench: $(VENV)/.ready
	$(BIN)/python -m benchmarks.run --out docs/results

clean:
	rm -rf $(VENV) .venv-bench results site .pytest_cache .ruff_cache web/node_modules
