# Quarterdeck's tasks. `make` alone lists them.
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup run test serve lab check lock goldens bench clean

help: ## list these tasks
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

setup: .venv/ready ## make .venv and install what requirements.lock names

.venv/ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Quarterdeck needs Python 3.11 or newer: make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install -q --disable-pip-version-check --no-deps -e .
	$(BIN)/jupyter kernelspec install --sys-prefix --log-level=WARN lib/quarterdeck/batch/jupyter/kernels/quarterdeck
	@touch $@

run: setup ## generate the demo company and run every notebook for every region
	$(BIN)/quarterdeck run params/demo $(ARGS)

serve: setup ## show the finished runs as read-only pages
	$(BIN)/quarterdeck serve $(ARGS)

lab: setup ## open the notebooks in JupyterLab
	$(BIN)/jupyter lab notebooks

test: setup ## the whole test suite, in two processes
	$(BIN)/python -m pytest -n 2 --dist loadscope --no-loadscope-reorder $(ARGS)

check: setup ## lint, and check a company's tables against the contract
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/quarterdeck check params/demo

goldens: setup ## write the golden runs anew, after a figure was meant to change
	$(BIN)/python tests/make_goldens.py

bench: setup ## print one benchmark: make bench NAME=batch
	$(BIN)/python benchmarks/$(NAME).py $(ARGS)

lock: setup ## write requirements.lock anew from pyproject.toml
	$(BIN)/pip install -q pip-tools
	$(BIN)/pip-compile -q --extra test --generate-hashes --strip-extras --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --allow-unsafe --no-header -o requirements.lock pyproject.toml

clean: ## remove .venv and everything in outputs that can be made again
	rm -rf .venv build lib/*.egg-info
	find outputs ! -type d ! -name README.md ! -name kpi_history.parquet ! -name forecast_ledger.parquet -delete
	find outputs -mindepth 1 -type d -empty -delete
