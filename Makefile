# make demo: the main job on a machine that has Python (>= 3.11), git and make.
# make test: everything that has to be green at every change; make test-long: all tests, before a release.

PYTHON ?= python3
VENV ?= .venv
CONSTRAINTS ?= constraints.txt
TESTED ?= test,lint
DATA = $(or $(FAIRLEARN_FWH_DATA),$(wildcard ../shared/data))
# Modules are compiled when they are first imported, which most of what is installed never is; and kept, also where the machine's default is not to:
# tests start many processes, and each would compile all that it imports.
unexport PYTHONDONTWRITEBYTECODE
PIP = $(VENV)/bin/python -m pip install --quiet --no-compile --disable-pip-version-check -c $(CONSTRAINTS)
# AIF360 makes Python warn when it is compiled, and warnings are errors in tests.
COMPILE_AIF360 = find $(VENV)/lib -maxdepth 4 -type d -path '*/site-packages/aif360' -exec $(VENV)/bin/python -W ignore -m compileall -q {} +

.PHONY: demo test test-long lint pytest notebooks docs test-minimum test-minimum-long test-newest benchmark reproduce clean

demo: $(VENV)/.demo
	$(VENV)/bin/fairlearn-fwh demo
	@echo "Here fairlearn-fwh is $(VENV)/bin/fairlearn-fwh; 'source $(VENV)/bin/activate' makes it a command."

# Checks of the code, then notebooks and site, beside the tests: each of the two leaves processors idle.
test: $(VENV)/.docs
	$(MAKE) -j 2 pytest lint docs

# All tests, also long ones: fits of some seconds, simulations, whole experiments. Before a release, and where a method, a test or an engine changes.
test-long:
	$(MAKE) pytest PYTEST_ARGUMENTS=--long
	$(MAKE) test-minimum-long
	$(MAKE) test-newest

# A file is run by one worker, so that what its tests share is made once; workers of one thread each do not wait for each other's processor.
pytest: $(VENV)/.test
	OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest -n 2 --dist loadfile $(PYTEST_ARGUMENTS)

# The notebooks, on less data (make notebooks FAST= for all) and with the files that FAIRLEARN_FWH_DATA names or that lie beside the project; where
# there are none, on generated data. They are left with their outputs where the site looks for them. A kernel chooses a port before it takes it, and other
# tests open many: a notebook that fails is run once more.
FAST ?= 1
notebooks: $(VENV)/.docs
	rm -f docs/tutorials/*.ipynb
	cp notebooks/*.ipynb docs/tutorials
	$(RUN_NOTEBOOKS) || $(RUN_NOTEBOOKS) --last-failed

RUN_NOTEBOOKS = OMP_NUM_THREADS=1 $(if $(FAST),FAIRLEARN_FWH_FAST=1) $(if $(DATA),FAIRLEARN_FWH_DATA=$(abspath $(DATA))) \
	$(VENV)/bin/python -m pytest --override-ini addopts= -n 2 --durations 10 --nbmake --overwrite -o cache_dir=.pytest_cache/notebooks docs/tutorials

# The site, under docs/_build; open docs/_build/html/index.html.
docs: notebooks
	rm -rf docs/reference/generated
	$(VENV)/bin/sphinx-build --fresh-env --write-all --fail-on-warning --keep-going --quiet --jobs 2 docs docs/_build/html

# What versions of libraries can change at every change of ours: how values, frames, files and engines are read, what estimators keep of
# scikit-learn's conventions, what is written and comes back. What methods do on average, and functions of sums, are the same with all versions.
QUICK = -m "not slow and not simulation"
READ = tests/base tests/files tests/metrics/_core tests/metrics/_engines tests/metrics/test_functions.py tests/metrics/test_preference_frame.py \
	tests/test_methods.py tests/test_persistence.py tests/test_sklearn_compat.py
FITTED = tests/aif360 tests/audit/test_audit.py tests/audit/test_schema.py tests/cli/test_audit.py tests/cli/test_commands.py tests/cli/test_monitor.py \
	tests/datasets tests/decoupling tests/inprocessing/_training tests/postprocessing tests/reductions tests/test_package.py

# With the oldest versions that pyproject.toml allows, which are about those that AIF360 0.6 is happiest with (pandas 2, scikit-learn 1.7); without Spark,
# whose tests are slow ones. Methods of torch and AIF360 are tried with them before a release.
OLDEST = CONSTRAINTS=constraints-minimum.txt
MINIMUM = $(OLDEST) VENV=.venv-minimum TESTED=test-light
test-minimum:
	$(MAKE) pytest $(MINIMUM) PYTEST_ARGUMENTS='$(READ) $(QUICK)'
test-minimum-long:
	$(MAKE) pytest $(OLDEST) VENV=.venv-minimum-long TESTED=test-light,torch,distributed,aif360 PYTEST_ARGUMENTS='$(filter-out tests/metrics/%,$(READ)) tests/metrics $(FITTED) $(QUICK) --long'

# On the newest Python that is on the machine, without torch and AIF360, for which there may be no builds yet. The libraries are those of `make test`,
# so what they compute is the same: what is left is how files are read, by DuckDB and by polars, what is written and comes back, and one command.
# Before a release; at every change the wheel is tried on that Python.
NOT_NEWEST = tests/metrics/_% tests/metrics/test_functions.py tests/test_methods.py
NEWEST = PYTHON=$(shell .ci/newest_python) VENV=.venv-newest TESTED=test-light
test-newest:
	$(MAKE) pytest $(NEWEST) PYTEST_ARGUMENTS='$(filter-out $(NOT_NEWEST),$(READ)) tests/cli/test_audit.py $(QUICK)'

lint: $(VENV)/.test
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

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
	$(PIP) --no-build-isolation -e '.[$(TESTED)]'
	$(COMPILE_AIF360)
	touch $@

# With what tests need, in one call: pip looks for versions once.
$(VENV)/.docs: $(VENV)/.venv pyproject.toml $(CONSTRAINTS)
	$(PIP) --no-build-isolation -e '.[$(TESTED),docs]'
	$(COMPILE_AIF360)
	touch $(VENV)/.test $@

clean:
	rm -rf .venv .venv-* build dist docs/_build docs/reference/generated docs/tutorials/*.ipynb *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
