# `make` alone explains the targets.
PYTHON ?= python3.11
FAMILIES := $(notdir $(patsubst %/requirements.in,%,$(wildcard images/*/requirements.in)))
LOCKS ?= $(basename $(wildcard images/*/requirements.in tests/*/requirements.in tests/*/*/requirements.in tests/bench/peers/*/requirements.in supply_chain/requirements.in))
VENV := .venv
BIN := $(VENV)/bin
HOLDFAST := $(BIN)/holdfast
BASE_IMAGE ?= python:3.11-slim-bookworm
BUILD_IMAGE ?= $(BASE_IMAGE)
SAMPLE := output/breast_cancer.csv
DOCKER ?= docker
ARGS ?=

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test check compatible generate lock environments images wheel sbom audit bench clean

help: ## Explain the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(SAMPLE) ## Train, judge and register a model on scikit-learn's breast cancer table
	$(HOLDFAST) run training -p uri=$(SAMPLE) -p target=diagnosis -p model_name=breast-cancer $(ARGS)

test: environments ## Run all tests (those that need Docker or MinIO say so if they are left out)
	$(BIN)/python -m tests.everything $(ARGS)

check: $(VENV)/ready ## Style, types, boundaries, and lint of the compiled YAML
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy components/holdfast pipelines supply_chain
	$(BIN)/lint-imports
	$(HOLDFAST) lint compiled --fail-on warning

compatible: $(VENV)/ready ## Compare compiled/ with the last release; what breaks needs a new major version
	@tag=$$(git describe --tags --abbrev=0 --match 'v*' 2>/dev/null) || tag=; \
	if [ -n "$$tag" ]; then $(HOLDFAST) diff --since "$$tag"; \
	else echo "no tag v* yet: there is no release to compare with"; fi

generate: $(VENV)/ready ## Write compiled/, the components' READMEs and the README's catalog anew
	$(BIN)/python -m holdfast.generate

lock: $(VENV)/ready ## Resolve each family's requirements.in into its hashed lock
	for lock in $(LOCKS); do \
	  config=$$(ls $$(dirname $$lock)/uv.toml 2>/dev/null || echo images/uv.toml); \
	  $(BIN)/uv pip compile --quiet --config-file $$config --generate-hashes --no-emit-index-url \
	    --python-version 3.11 --python-platform x86_64-manylinux_2_28 --no-annotate \
	    --custom-compile-command 'make lock' $$lock.in -o $$lock.txt || exit 1; \
	done

environments: $(VENV)/ready ## Make each family's environment from its lock
	$(HOLDFAST) environments

images: wheel ## Build each family's image (needs Docker)
	for family in $(FAMILIES); do \
	  DOCKER_BUILDKIT=1 $(DOCKER) build --quiet --file images/Dockerfile --build-arg FAMILY=$$family \
	    --build-arg BASE_IMAGE=$(BASE_IMAGE) --build-arg BUILD_IMAGE=$(BUILD_IMAGE) \
	    --tag $$($(BIN)/python -c "from holdfast.images import image; print(image('$$family'))") . \
	    || exit 1; \
	done

wheel: $(VENV)/ready ## Build the wheel that the images install
	rm -f dist/holdfast-*.whl
	$(BIN)/uv build --quiet --wheel --out-dir dist .

sbom: environments ## Write a bill of materials (CycloneDX) for each image to dist/sbom, and docs/licences.md
	$(BIN)/python -m supply_chain sbom $(ARGS)

audit: $(VENV)/ready ## Ask an advisory database about every image's lock (Error 3: it can't be asked)
	$(BIN)/python -m supply_chain audit $(ARGS)

bench: environments ## Measure beside others: QUICK=1, ROWS='drift */*/duckdb', OUT=folder, ARGS=--again
	set -f; $(BIN)/python -m tests.bench $(if $(QUICK),--quick) $(if $(ROWS),--rows $(ROWS)) \
	  $(if $(OUT),--out $(OUT)) $(ARGS)

clean: ## Delete environments and what was built; output/ stays
	rm -rf $(VENV) .environments dist

$(SAMPLE): $(VENV)/ready
	$(HOLDFAST) environments training data
	$$($(HOLDFAST) environments --python training) -m tests.sample $@

$(VENV)/ready: pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed: apt-get install python3.11 python3.11-venv, or make PYTHON=/path/to/python3.11"; exit 3; }
	$(PYTHON) -m venv $(VENV) || { echo "venv is needed: apt-get install python3.11-venv"; exit 3; }
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode --editable '.[dev]'
	@touch $@
