# Needs only make and python3 (3.10 or newer); everything else goes into .venv and .venvs.
# Set-up is skipped while pyproject.toml stays as it is: see scripts/venv.sh.

# The interpreter of .venv: a version (3.12) or a path. Empty: python3, or another that is new enough.
PYTHON ?=
# The version for test-py, and for lower-bounds.
PY ?=
# More arguments for pytest: make test ARGS='-k manager -x'
ARGS ?=

checked := src tests examples scripts
setup := sh scripts/venv.sh

.PHONY: help demo test check format docs picture backends up down demo-jaeger lower-bounds test-py clean

help:
	@echo 'make demo              run the flights example, with live bars'
	@echo 'make test              run the tests           (ARGS="-k name -x" goes to pytest)'
	@echo 'make check             ruff and mypy'
	@echo 'make format            let ruff format, and mend what it can'
	@echo 'make docs              write docs/conventions.md from the code'
	@echo 'make picture           record the picture of the README from a real run'
	@echo 'make backends          build Jaeger and the OpenTelemetry Collector, fetch Prometheus (once)'
	@echo 'make up, make down     start and stop them on this machine (docs/backends.md)'
	@echo 'make demo-jaeger       run the flights example against them, show its trace'
	@echo 'make test-py PY=3.12   run the tests on another Python'
	@echo 'make lower-bounds      run the tests on the oldest dependencies allowed (PY=3.10: on this Python)'
	@echo 'make clean             remove all that these made'

demo:
	@$(setup) .venv examples $(PYTHON)
	.venv/bin/python examples/flights.py

test:
	@$(setup) .venv test $(PYTHON)
	.venv/bin/python -m pytest $(ARGS)

check:
	@$(setup) .venv dev $(PYTHON)
	.venv/bin/ruff check $(checked)
	.venv/bin/ruff format --check $(checked)
	.venv/bin/mypy

format:
	@$(setup) .venv dev $(PYTHON)
	.venv/bin/ruff check --fix $(checked)
	.venv/bin/ruff format $(checked)

docs:
	@$(setup) .venv test $(PYTHON)
	.venv/bin/python scripts/conventions_page.py

picture:
	@$(setup) .venv test $(PYTHON)
	.venv/bin/python scripts/record_bars.py

# Needs no packages: a run of CI can do it first.
backends:
	@"$$(sh scripts/find_python.sh '$(PYTHON)')" -m scripts.backends build

up:
	@"$$(sh scripts/find_python.sh '$(PYTHON)')" -m scripts.backends up

down:
	@"$$(sh scripts/find_python.sh '$(PYTHON)')" -m scripts.backends down

demo-jaeger:
	@$(setup) .venv test $(PYTHON)
	@.venv/bin/python -m scripts.backends demo

test-py:
	@test -n '$(PY)' || { echo 'Which Python? For example: make test-py PY=3.12' >&2; exit 2; }
	@$(setup) .venvs/$(PY) test $(PY)
	.venvs/$(PY)/bin/python -m pytest $(ARGS)

lower-bounds:
	@$(setup) .venv test $(PYTHON)
	@mkdir -p .venvs
	.venv/bin/python scripts/lower_bounds.py > .venvs/lower-bounds.txt
	@cat .venvs/lower-bounds.txt
	@$(setup) .venvs/lower-bounds test '$(PY)' .venvs/lower-bounds.txt
	.venvs/lower-bounds/bin/python -m pytest $(ARGS)

clean:
	rm -rf .venv .venvs .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist
	find src tests examples scripts -name __pycache__ -type d -prune -exec rm -rf {} +
