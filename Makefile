# `make run` starts the app; `make test` runs every check. Both set up .venv when it is missing or stale.
PYTHON ?= python3
BIN := .venv/bin
UV_VERSION := 0.13.8

.PHONY: run test check bench chaos mutants lock clean

run: .venv/.ready
	$(BIN)/saga serve

test: check
	$(BIN)/pytest -n 2 --dist loadgroup

check: .venv/.ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/mypy

bench: .venv/.ready
	$(BIN)/python -m tests.bench

# Processes killed, suspended and stopped, journals torn: longer than the tests do it, with the figures.
chaos: .venv/.ready
	CHAOS_KILLS=1000 CHAOS_PAUSES=200 CHAOS_TEARS=25 $(BIN)/pytest -n 0 tests/chaos

# Plant bugs that engines have had, one at a time, and show which test notices each. `make test` asks the same.
mutants: .venv/.ready
	$(BIN)/python -m tests.mutants

.venv/.ready: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv==$(UV_VERSION)"
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --require-hashes -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	touch $@

# Resolve the dependencies of pyproject.toml anew (needs the registry).
lock: .venv/.ready
	$(BIN)/uv pip compile --quiet --upgrade --universal --all-extras --generate-hashes --no-emit-index-url pyproject.toml -o requirements.lock

clean:
	rm -rf .venv dist .mypy_cache .ruff_cache .pytest_cache
