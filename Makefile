# The commands of the project; `make help` lists them.
# Each makes the virtual environment itself when it is missing or out of date.

PYTHON ?= python3
VENV := .venv
# Windows keeps an environment's programs in another folder.
BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
PY := $(BIN)/python
PIP := $(PY) -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
PYTEST := $(PY) -m pytest -p no:cacheprovider
JOBS ?= 2

BASE := $(VENV)/.base
DEV := $(VENV)/.dev
DOCS := $(VENV)/.docs
BENCH := $(VENV)/.bench

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help demo test check run wheel test-faults test-nightly test-minimum fuzz audit lint data notebooks docs test-docs look-firefox bench test-wheel

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(BASE) ## the main job on the real data: tables, and a map in out/
	$(BIN)/cpecgeo demo

# A browser on a busy machine may not answer in time: that alone is tried a second time, and reported.
test: $(DEV) ## the whole test suite
	$(PYTEST) -n $(JOBS) --dist loadgroup --reruns 1 --only-rerun '^TimeoutError: .*Timeout [0-9]+ms exceeded'

test-faults: $(DEV) ## kill streamed runs 50 times, fill a disk, kill workers: nothing may be lost
	CPECGEO_KILLS=50 $(PYTEST) tests/faults

test-nightly: $(DEV) ## the property tests, as hard as tests/effort.py says
	HYPOTHESIS_PROFILE=nightly $(PYTEST) -n $(JOBS) --dist worksteal -m hypothesis tests

test-minimum: ## the oldest versions that pyproject.toml allows, in an environment of their own
	$(PYTHON) -m venv $(VENV)-minimum
	$(VENV)-minimum/bin/python -m pip install --quiet --constraint constraints-minimum.txt \
	  --editable '.[osm,scale,plot,sea,raster,excel,mcp]' pytest pytest-socket hypothesis geographiclib networkx
	$(VENV)-minimum/bin/python -m pytest -p no:cacheprovider -W default -W error::cpecgeo.errors.CpecgeoWarning \
	  tests/geodesy tests/catalogue tests/features tests/scale tests/bad_input tests/files \
	  tests/analysis/test_rasters.py tests/cli/test_assistant.py

FUZZ_SECONDS ?= 600
fuzz: $(DEV) ## feed noise to the readers and the resolver of names, FUZZ_SECONDS each
	$(PY) -m pip install --quiet --disable-pip-version-check atheris
	for kind in names csv csv.gz geojson geojsonl kml kmz gpx gpkg parquet shp zip fgb xlsx; do \
	  $(PY) -m tools.fuzz $$kind -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=0 || exit 1; done

audit: $(DEV) ## look the pinned versions up among known vulnerabilities (asks a server)
	$(PIP) pip-audit
	$(PY) -m pip_audit --requirement constraints.txt --no-deps --disable-pip

test-wheel: $(DEV) ## build the wheel, install it into an empty environment, run the README there
	$(PIP) twine
	$(PYTEST) -m wheel

lint: $(DEV) ## ruff and mypy --strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict

check: $(DEV) ## the minute before a commit: lint, and the tests of what has changed
	$(PY) -m tools.check

run: $(DEV)
	@$(BIN)/$(CMD)

wheel: $(DEV) ## build the wheel and the source archive, in dist/
	$(PY) -m build

data: $(DEV) ## rebuild the derived data and the lines, byte for byte
	$(PY) -m tools.derive
	$(PY) -m tools.trace
	$(PY) -m tools.trace.measured
	$(PY) -m tools.trace.junctions
	$(PY) -m tools.lines
	$(PY) -m tools.assets.waters
	$(PY) -m tools.assets.relief
	$(PY) -m tools.package  # the network reads checked files
	$(PY) -m tools.network
	$(PY) -m tools.package

notebooks: $(DEV) ## run the notebooks from the first cell to the last
	$(PYTEST) --nbmake notebooks

docs: $(DOCS) ## the documentation as HTML, in docs/_build/html
	$(PY) -m sphinx --fail-on-warning --keep-going --quiet -b html docs docs/_build/html

test-docs: docs $(DEV) ## look at the built pages in chromium: rules of access, widths, links
	$(PYTEST) tests/docs

look-firefox: $(DEV) ## pictures of maps, reports and built pages by Firefox, in out/firefox
	$(PY) tools/assets/firefox.py

bench: $(BENCH) ## the benchmarks beside their peers, about ten minutes
	$(PY) -m benchmarks
	$(PY) -m benchmarks.scale

$(BASE): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo 'Python 3.11 or newer is needed: make PYTHON=/path/to/python3 …' >&2; exit 1; }
	test -x $(PY) || $(PYTHON) -m venv $(VENV)
	$(PIP) --upgrade pip
	$(PIP) --build-constraint constraints.txt --editable '.[plot]'
	$(PY) -c 'import cpecgeo.analysis' # compiles the kernels, once for this machine
	@touch $@

$(DEV): $(BASE)
	$(PIP) --build-constraint constraints.txt --editable '.[plot,maps,osm,scale,sea,raster,excel,mcp]' --group dev
	@touch $@

$(BENCH): $(DEV) benchmarks/requirements.txt
	$(PIP) --requirement benchmarks/requirements.txt
	@touch $@

$(DOCS): $(BASE)
	$(PIP) --build-constraint constraints.txt --editable '.[docs]'
	@touch $@
