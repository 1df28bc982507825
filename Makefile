# Needs Python 3.11 or newer and GNU make 3.81 or newer, no more: what else is used comes from the locks, into .venv.
# `make lock` and `make lock-check` need uv as well.

SHELL := /bin/sh
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
UV ?= uv
WORKERS ?= 2
PYTHON ?=
PYTHONS := $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11)

QUICK := tests/unit tests/property tests/house
DYNALITE := tests/adapters/dynalite
NODE_MODULES := $(DYNALITE)/node_modules/.package-lock.json
CDK := infra/node_modules/.package-lock.json
CDK_CLI = PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/node infra/node_modules/aws-cdk/bin/cdk

.DELETE_ON_ERROR:
.PHONY: help setup demo check lint test coverage faults bench synth bootstrap deploy destroy lock lock-check

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-20s %s\n", $$1, $$2 }'

setup: .venv/dev-installed $(NODE_MODULES) ## .venv with everything that tests and checks need
	@echo "Ready: $(BIN)/warden, and 'make check'"

demo: .venv/demo-installed ## the product at work on this machine; installs no more than it needs
	$(BIN)/python demo

check: lint ## lint, types, import direction, unit and property tests: before each commit
	$(BIN)/pytest -n $(WORKERS) $(QUICK)

lint: .venv/dev-installed ## the part of check that runs no test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

test: setup lint ## all that check does, and every other test but the long ones: what CI runs
	$(BIN)/pytest -n $(WORKERS)

coverage: setup ## the same tests with branch coverage, which takes twice as long or more
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n $(WORKERS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --skip-covered

faults: setup ## long randomised runs with failures injected
	$(BIN)/pytest -n $(WORKERS) -m faults

synth: .venv/dev-installed ## the CloudFormation template into cdk.out, checked; needs no network and no credentials
	CDK_OUTDIR=cdk.out CDK_CONTEXT_JSON='{"aws:cdk:bundling-stacks": [], "nag": true}' $(BIN)/python app.py
	$(BIN)/cfn-lint cdk.out/*.template.json
	@ls cdk.out/*.template.json

bootstrap: $(CDK) ## prepare the account and Region of your AWS credentials for deployments, once
	$(BIN)/python -m infra.account
	$(CDK_CLI) bootstrap

deploy: $(CDK) ## cdk deploy, into the account of your AWS credentials
	$(BIN)/python -m infra.account
	$(CDK_CLI) deploy

destroy: $(CDK) ## cdk destroy; both tables and the bucket of failed batches stay
	$(BIN)/python -m infra.account
	$(CDK_CLI) destroy

bench: .venv/dev-installed ## the benchmarks, on this machine
	$(BIN)/python -m bench

# ---- installing ---------------------------------------------------------------------------------------------------

.venv/bin/pip:
	@python=; for name in $(PYTHONS); do \
	  if "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$name; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	  echo "Python 3.11 or newer is needed (make PYTHON=/path/to/python3.11 names one). Found:"; \
	  for name in $(PYTHONS); do echo "  $$name: $$("$$name" --version 2>/dev/null || echo none)"; done; \
	  exit 1; \
	fi; \
	if ! "$$python" -c 'import ensurepip, venv' 2>/dev/null; then \
	  echo "$$python cannot make virtual environments. On Debian and Ubuntu: sudo apt-get install $${python##*/}-venv"; \
	  exit 1; \
	fi; \
	echo "Creating .venv with $$("$$python" --version)"; \
	"$$python" -m venv .venv

# setuptools goes first, so that what must be built (the package itself, and the demo's cbor, which has no wheel)
# is built by the locked one, and pip fetches nothing that has no hash in the lock.
define install
	@echo "Installing the $$(grep -c == $(1)) packages of $(1); it takes a minute or two"
	@sed -n '/^setuptools==/,/[^\\]$$/p' $(1) > .venv/setuptools.txt
	@$(PIP) install --quiet --require-hashes -r .venv/setuptools.txt
	@$(PIP) install --quiet --require-hashes --no-build-isolation -r $(1)
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
endef

.venv/demo-installed: requirements-demo.txt pyproject.toml | .venv/bin/pip
	$(call install,requirements-demo.txt)
	touch $@

.venv/deploy-installed: requirements.txt pyproject.toml | .venv/bin/pip
	$(call install,requirements.txt)
	touch $@

# requirements-dev.txt contains the two others, so that neither has anything left to install after it.
.venv/dev-installed: requirements-dev.txt requirements-demo.txt requirements.txt pyproject.toml | .venv/bin/pip
	$(call install,requirements-dev.txt)
	touch .venv/demo-installed .venv/deploy-installed $@

$(NODE_MODULES): $(DYNALITE)/package-lock.json $(DYNALITE)/package.json | .venv/dev-installed
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/npm ci --prefix $(DYNALITE) --ignore-scripts --no-audit --no-fund
	touch $@

$(CDK): infra/package-lock.json infra/package.json | .venv/deploy-installed
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/npm ci --prefix infra --ignore-scripts --no-audit --no-fund
	touch $@

# ---- locking ------------------------------------------------------------------------------------------------------

COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
  --annotation-style line
UPGRADE ?= --upgrade

lock: ## newest allowed versions into the four locks
	echo setuptools | $(COMPILE) $(UPGRADE) pyproject.toml - --all-extras --group functions -o requirements-dev.txt
	echo setuptools | $(COMPILE) pyproject.toml - --extra serve --extra demo -c requirements-dev.txt -o requirements-demo.txt
	echo setuptools | $(COMPILE) pyproject.toml - --extra deploy -c requirements-dev.txt -o requirements.txt
	$(COMPILE) --group functions -c requirements-dev.txt -o lambdas/requirements.txt

PLATFORMS := x86_64-manylinux_2_28 aarch64-manylinux_2_28 aarch64-apple-darwin

# cbor is left out of the wheels: it has none. CC=false shows that it builds where there is no compiler.
lock-check: .venv/dev-installed ## every locked package has a wheel for every platform, or builds without a compiler
	@for platform in $(PLATFORMS); do for version in 3.11 3.12 3.13 3.14; do \
	  echo "$$platform, Python $$version"; \
	  MACOSX_DEPLOYMENT_TARGET=13.0 $(UV) pip install --quiet --dry-run --no-deps --require-hashes \
	    --only-binary :all: --no-binary cbor --python-platform $$platform --python-version $$version \
	    --target .venv/lock-check -r requirements-dev.txt || exit 1; \
	done; done
	sed -n '/^cbor==/,/[^\\]$$/p' requirements-demo.txt > .venv/cbor.txt
	CC=false $(PIP) wheel --quiet --no-cache-dir --no-deps --no-build-isolation --require-hashes \
	  --wheel-dir .venv/lock-check -r .venv/cbor.txt
	@echo "Every locked package installs without a compiler."
