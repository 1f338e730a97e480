# Everything runs in .venv, which the targets make themselves: needed are Python 3.11 or later, git and make.
#   make serve ARGS="--port 5673"     make test ARGS="tests/unit -x"     make serve PYTHON=/opt/python/bin/python3

VENV   := .venv
ifeq ($(OS),Windows_NT)
BIN    := $(VENV)/Scripts
VENVPY := $(BIN)/python.exe
else
BIN    := $(VENV)/bin
VENVPY := $(BIN)/python
endif
ARGS   ?=
# PYTHON names the interpreter that makes .venv; unset, it is the newest one found.
PYTHON ?=
# A second environment, with amqpd installed from a wheel of compiled modules, and the tests without the sources.
TWIN   := .venv-compiled
APART  := build/compiled
SHARED_OUT := --numprocesses auto --dist loadfile
CODE   := $(wildcard amqpd tests interop conformance)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help serve test test-compiled check conformance-report interop fuzz fuzz-api crash hostile bench bench-parts docs clean

help: ## show this list
	@echo "usage: make TARGET [ARGS='...']"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-18s  %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

serve: $(VENV)/core.stamp ## start a broker (ARGS go to `amqpd serve`)
	$(BIN)/amqpd serve $(ARGS)

test: $(VENV)/test.stamp ## run the tests, a file at a time on each core (ARGS go to pytest; `-n 0` runs them one by one)
	$(VENVPY) -m pytest $(SHARED_OUT) $(ARGS)

test-compiled: $(TWIN)/twin.stamp ## build the compiled form, and run the tests on it as it is installed (ARGS go to pytest)
	rm -rf $(APART) && mkdir -p $(APART)
	tar -cf - --exclude .build --exclude __pycache__ $(filter-out amqpd,$(CODE)) conftest.py spec docs pyproject.toml README.md Makefile | tar -xf - -C $(APART)
	cd $(APART) && $(abspath $(TWIN))/bin/python -m pytest $(SHARED_OUT) $(ARGS)

check: $(VENV)/test.stamp ## ruff, mypy --strict, and the catalogue of the protocol against its tests
	$(VENVPY) -m ruff check .
	$(VENVPY) -m mypy --strict $(CODE)
	$(VENVPY) -m conformance.catalogue check

conformance-report: $(VENV)/test.stamp ## every promise of the protocol on amqpd and RabbitMQ (ARGS="--results FILE" reads a run)
	$(VENVPY) -m conformance.catalogue report $(ARGS)

interop: $(VENV)/test.stamp ## ask real clients for the scenarios, on amqpd beside RabbitMQ (ARGS go to `python -m interop`)
	$(VENVPY) -m interop $(ARGS)

fuzz: $(VENV)/test.stamp ## play random conversations to amqpd and RabbitMQ (ARGS go to `python -m conformance.fuzz`)
	$(VENVPY) -m conformance.fuzz $(ARGS)

fuzz-api: $(VENV)/fuzz-api.stamp ## send what the API's description allows and what it doesn't (ARGS go to `schemathesis run`)
	$(VENVPY) -m tests.api_fuzz $(ARGS)

crash: $(VENV)/test.stamp ## kill a broker again and again while clients use it (ARGS go to `python -m tests.crash`)
	$(VENVPY) -m tests.crash $(ARGS)

hostile: $(VENV)/test.stamp ## what a hostile client costs the others (ARGS go to `python -m tests.hostile`)
	$(VENVPY) -m tests.hostile $(ARGS)

bench: $(VENV)/bench.stamp $(TWIN)/twin.stamp ## the standard matrix: amqpd beside RabbitMQ (ARGS go to `python -m tests.bench.matrix`)
	$(VENVPY) -m tests.bench.matrix $(ARGS)

bench-parts: $(VENV)/test.stamp ## time the parts: codec, route, deliver, journal (ARGS go to pytest)
	$(VENVPY) -m pytest tests/bench -p no:xdist --benchmark-enable --benchmark-sort name $(ARGS)

docs: $(VENV)/core.stamp ## write the settings table of docs/configuration.md anew
	$(VENVPY) -m amqpd.config.reference docs/configuration.md

clean: ## remove .venv and the caches of the tools
	rm -rf $(VENV) $(TWIN) .mypy_cache .pytest_cache .ruff_cache .hypothesis .schemathesis build dist interop/.build

# A stamp says: the project and what the target needs were installed after pyproject.toml last changed.
$(VENV)/core.stamp: pyproject.toml | $(VENVPY)
	AMQPD_PURE=1 $(VENVPY) -m pip install --quiet --disable-pip-version-check --editable '.[server]'
	@touch $@

$(VENV)/test.stamp: pyproject.toml | $(VENVPY)
	AMQPD_PURE=1 $(VENVPY) -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@$(VENVPY) -m pip install --quiet --disable-pip-version-check --editable '.[browser]' \
	    || echo "the tests of the web UI are skipped: Playwright is not to be had for this platform"
	@touch $(VENV)/core.stamp $@

$(VENV)/fuzz-api.stamp: pyproject.toml | $(VENVPY)
	AMQPD_PURE=1 $(VENVPY) -m pip install --quiet --disable-pip-version-check --editable '.[fuzz-api]'
	@touch $(VENV)/core.stamp $(VENV)/test.stamp $@

$(VENV)/bench.stamp: pyproject.toml | $(VENVPY)
	AMQPD_PURE=1 $(VENVPY) -m pip install --quiet --disable-pip-version-check --editable '.[bench,server]'
	@touch $(VENV)/core.stamp $@

$(TWIN)/twin.stamp: pyproject.toml hatch_build.py $(shell find amqpd -name '*.py' -o -name '*.pxd') | $(VENVPY)
	$(VENVPY) -m venv --clear $(TWIN)
	$(TWIN)/bin/python -m pip install --quiet --disable-pip-version-check '.[test]'
	@touch $@

# A candidate is started before it is taken: a name on PATH may be a shim with no interpreter behind it.
$(VENVPY):
	@found=; \
	for candidate in $(or $(PYTHON),python3.14 python3.13 python3.12 python3.11 python3 python); do \
	    if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
	        found=$$candidate; break; \
	    fi; \
	done; \
	if [ -z "$$found" ]; then \
	    echo "error: amqpd needs Python 3.11 or later, and none of these is: $(or $(PYTHON),python3.14 ... python3.11, python3, python)." >&2; \
	    echo "       Install one, or name it: make PYTHON=/path/to/python3 $(MAKECMDGOALS)" >&2; \
	    exit 1; \
	fi; \
	if ! "$$found" -c 'import ensurepip, venv' >/dev/null 2>&1; then \
	    echo "error: $$found has no ensurepip, so it cannot make a virtual environment." >&2; \
	    echo "       On Debian and Ubuntu: apt-get install python3-venv (or python3.N-venv for the version at hand)." >&2; \
	    exit 1; \
	fi; \
	echo "making $(VENV) with $$("$$found" --version)"; \
	"$$found" -m venv --clear $(VENV)
