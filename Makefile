# make demo: the main job on a machine that has Python (>= 3.11), git and make.
# make test: everything that has to be green.

PYTHON ?= python3
VENV ?= .venv
CONSTRAINTS ?= constraints.txt
DATA = $(or $(FAIRLEARN_FWH_DATA),$(wildcard ../shared/data))
PIP = $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c $(CONSTRAINTS)

.PHONY: demo test lint pytest notebooks docs test-minimum test-aif360 benchmark reproduce clean

demo: $(VENV)/.demo
	$(VENV)/bin/fairlearn-fwh demo

test: lint pytest docs

pytest: $(VENV)/.test
	$(VENV)/bin/python -m pytest -n 2 $(PYTEST_ARGUMENTS)

# The notebooks, on less data (make notebooks FAST= for all) and with the files that FAIRLEARN_FWH_DATA names or that lie beside the project; where
# there are none, on generated data. They are left with their outputs where the site looks for them.
FAST ?= 1
notebooks: $(VENV)/.docs
	rm -f docs/tutorials/*.ipynb
	cp notebooks/*.ipynb docs/tutorials
	OMP_NUM_THREADS=1 $(if $(FAST),FAIRLEARN_FWH_FAST=1) $(if $(DATA),FAIRLEARN_FWH_DATA=$(abspath $(DATA))) \
		$(VENV)/bin/python -m pytest --override-ini addopts= -n 2 --durations 10 --nbmake --overwrite docs/tutorials

# The site, under docs/_build; open docs/_build/html/index.html.
docs: notebooks
	rm -rf docs/reference/generated
	$(VENV)/bin/sphinx-build --fresh-env --write-all --fail-on-warning --keep-going --quiet --jobs 2 docs docs/_build/html

# The same tests, but for simulations and docstrings, with the oldest versions that pyproject.toml allows.
test-minimum:
	$(MAKE) pytest VENV=.venv-minimum CONSTRAINTS=constraints-minimum.txt PYTEST_ARGUMENTS='tests -m "not simulation"'

# The fast tests with the versions that AIF360 is happiest with.
test-aif360:
	$(MAKE) pytest VENV=.venv-aif360 CONSTRAINTS=constraints-aif360.txt PYTEST_ARGUMENTS='tests -m "not slow and not simulation"'

lint: $(VENV)/.test
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

# All tables, figures and questions of the DAFH paper, on the data that FAIRLEARN_FWH_DATA names or that lie beside the project.
reproduce: $(VENV)/.demo
	OMP_NUM_THREADS=1 $(VENV)/bin/fairlearn-fwh reproduce all --splits 5 --jobs 2 $(if $(DATA),--data-home $(DATA))

benchmark: $(VENV)/.test
	$(VENV)/bin/python -m benchmarks

$(VENV)/.venv:
	$(PYTHON) -m venv $(VENV)
	$(PIP) setuptools
	touch $@

$(VENV)/.demo: $(VENV)/.venv pyproject.toml $(CONSTRAINTS)
	$(PIP) --no-build-isolation -e '.[torch,plot,cli,duckdb]'
	touch $@

$(VENV)/.test: $(VENV)/.venv pyproject.toml $(CONSTRAINTS)
	$(PIP) --no-build-isolation -e '.[test]'
	touch $@

$(VENV)/.docs: $(VENV)/.test
	$(PIP) --no-build-isolation -e '.[docs]'
	touch $@

clean:
	rm -rf .venv .venv-* build dist docs/_build docs/reference/generated docs/tutorials/*.ipynb *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
