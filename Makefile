# Quarterdeck's tasks. `make` alone lists them.
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup tools run test quick serve lab check lock goldens bench clean sweep docs pictures

help: ## list these tasks
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

setup: .venv/ready ## make .venv and install what requirements.lock names

.venv/ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Quarterdeck needs Python 3.11 or newer: make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	@$(BIN)/python install.py requirements.lock
	@$(BIN)/pip install -qq --disable-pip-version-check --no-deps -e .
	$(BIN)/jupyter kernelspec install --sys-prefix --log-level=WARN lib/quarterdeck/batch/jupyter/kernels/quarterdeck
	@touch $@

tools: .venv/tools ## add what requirements-test.lock names: tests, lint, benchmarks

.venv/tools: .venv/ready requirements-test.lock
	@$(BIN)/python install.py requirements-test.lock
	@touch $@

run: setup ## generate the demo company and run every notebook for every region
	$(BIN)/quarterdeck run params/demo $(ARGS)

serve: setup ## show the finished runs as read-only pages
	$(BIN)/quarterdeck serve $(ARGS)

lab: setup ## open the notebooks in JupyterLab
	$(BIN)/jupyter lab notebooks --ContentsManager.pre_save_hook=quarterdeck.batch.lab.as_committed

test: tools ## the whole test suite, in three processes
	$(BIN)/python -m pytest -n 3 --dist loadscope --no-loadscope-reorder $(ARGS)

quick: tools ## the tests to run while working: no notebook, browser or process, and none that is slow
	$(BIN)/python -m pytest -n 2 -m "not slow" tests/analysis tests/data tests/present tests/test_architecture.py $(ARGS)

check: tools ## lint, and check a company's tables against the contract
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/quarterdeck check params/demo

goldens: tools ## write the golden runs again, of one notebook by NAME=forecasting
	$(BIN)/python tests/make_goldens.py $(NAME)

docs: tools ## write the documents that follow from the code, in docs/
	$(BIN)/python docs/generate.py

pictures: tools ## take the pictures of docs/ from the demo company's latest run; needs Chromium
	$(BIN)/python docs/take_pictures.py

bench: tools ## print one benchmark: make bench NAME=batch
	$(BIN)/python benchmarks/$(NAME).py $(ARGS)

LOCKED := $(BIN)/pip-compile -q --generate-hashes --strip-extras --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --allow-unsafe --no-header
TOOLS := 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["test"], sep="\n")'
sweep: tools ## every page on every variant of a company, an hour: make sweep ARGS="-k 'three weeks'"
	QUARTERDECK_SWEEP=1 $(BIN)/python -m pytest tests/notebooks/test_any_company.py $(ARGS)

lock: setup ## write both lock files again from pyproject.toml
	$(BIN)/pip install -qq pip-tools
	$(LOCKED) -o requirements.lock pyproject.toml
	$(BIN)/python -c $(TOOLS) | $(LOCKED) -c requirements.lock -o requirements-test.lock -

clean: ## remove .venv and everything in outputs that can be made again
	rm -rf .venv build lib/*.egg-info
	find outputs ! -type d ! -name README.md ! -name kpi_history.parquet ! -name forecast_ledger.parquet -delete
	find outputs -mindepth 1 -type d -empty -delete
