# Two commands do all: `make serve` and `make test`. POSIX sh and make 3.81 suffice.
# PYTHON=...  the interpreter to use         EXTRAS=gpu  serve on an NVIDIA card
#                                            EXTRAS=train  also train what is reviewed

EXTRAS =
SERVE_VENV = .venv
SERVE_EXTRAS = worker,formats$(EXTRAS:%=,%)
DEV_VENV = .venv-dev
DEV_EXTRAS = worker,train,int8,formats,otel,dev
BIN = $(DEV_VENV)/bin
# Tests run in two processes more than there are cores, up to five; ARGS="-n 0" in one.
PARALLEL = -n auto --no-loadscope-reorder
# They start some hundred processes: compiled modules are kept, whatever the shell says.
PYTEST = PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest

.PHONY: help serve dev test test-costly test-all test-unit fuzz smoke chaos check check-page audit sbom format constraints collection chart clean

help:
	@echo "make serve   install what serving needs, then serve on http://127.0.0.1:8000"
	@echo "make dev     install everything into $(DEV_VENV)"
	@echo "make test    install everything, then run the tests, but for the costly ones"
	@echo "make test-costly  these: kills, trainings, whole walks (CI runs both)"
	@echo "make test-all  everything, further variants too (for the night)"
	@echo "make test-unit   the quick ones that need no service"
	@echo "make fuzz    made-up requests to the API for ten minutes, then 500 damaged videos"
	@echo "make smoke   try what 'make serve' installs: a video all the way, also with Redis"
	@echo "make chaos   kill trainings in every stage, then everything at random, ten seeds (SEED=0)"
	@echo "make check   ruff, mypy, import-linter, yamllint, shellcheck, hadolint, check-page"
	@echo "make check-page  ESLint and tsc over the page's modules"
	@echo "make audit   warn of known vulnerabilities and of licences, in constraints.txt"
	@echo "make sbom    what 'make serve' installs, as CycloneDX in build/sbom.json"
	@echo "make format  let ruff rewrite"
	@echo "make collection  the requests of the API for Postman, after a change of it"
	@echo "make chart   the kinds of jobs for the Helm chart, after a change of them"
	@echo "make constraints  pin the versions that $(DEV_VENV) has, after an upgrade"
	@echo "make clean   remove the virtual environments and node_modules (never the data)"

# exec, so that Ctrl-C and SIGTERM reach `touchline serve` itself.
serve:
	@TOUCHLINE_NEED_MB=$${TOUCHLINE_NEED_MB:-$(if $(EXTRAS),8000,1200)} sh scripts/venv.sh $(SERVE_VENV) $(SERVE_EXTRAS)
	@exec $(SERVE_VENV)/bin/touchline serve

dev:
	@TOUCHLINE_NEED_MB=$${TOUCHLINE_NEED_MB:-9000} sh scripts/venv.sh $(DEV_VENV) $(DEV_EXTRAS)

test: dev
	@sh scripts/node.sh --optional
	$(PYTEST) $(PARALLEL) -m "not costly and not nightly" --durations=25 --durations-min=5 $(ARGS)

test-costly: dev
	@sh scripts/node.sh --optional
	$(PYTEST) $(PARALLEL) -m "costly and not nightly" --durations=25 --durations-min=5 $(ARGS)

test-all: dev
	@sh scripts/node.sh --optional
	$(PYTEST) $(PARALLEL) --durations=25 --durations-min=5 $(ARGS)

test-unit: dev
	$(PYTEST) $(PARALLEL) -m "not slow" tests/unit $(ARGS)

# FUZZ_S: how many seconds Schemathesis tries the API, with a key and then without.
# FUZZ_SEED, FUZZ_SEEDS: which damaged videos are decoded then, and how many.
FUZZ_S = 600
FUZZ_SEED = 0
FUZZ_SEEDS = 500
fuzz: dev
	TOUCHLINE_FUZZ_S=$(FUZZ_S) $(BIN)/python -m pytest -n 0 tests/integration/test_api_conformance.py $(ARGS)
	$(BIN)/python -m tests.media_fuzz --seed $(FUZZ_SEED) --seeds $(FUZZ_SEEDS)

smoke:
	@sh scripts/venv.sh $(SERVE_VENV) $(SERVE_EXTRAS)
	@DEV_VENV=$(DEV_VENV) $(SERVE_VENV)/bin/python scripts/smoke.py

SEED = 0
chaos: dev
	TOUCHLINE_KILL_EVERYWHERE=1 $(BIN)/python -m pytest -n 0 tests/unit/model/teaching/test_teach.py tests/integration/test_train_worker.py
	$(BIN)/python -m tests.chaos --seed $(SEED) --seeds 10 --broker both $(ARGS)

check: dev check-page
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy app model touchline worker migrations tests benchmarks scripts
	$(BIN)/lint-imports
	$(BIN)/yamllint --strict docker-compose.yml docker configs .pre-commit-config.yaml
	$(BIN)/shellcheck scripts/venv.sh scripts/node.sh .ci/run
	@if [ -x $(BIN)/hadolint ]; then $(BIN)/hadolint docker/api.Dockerfile docker/gpu.Dockerfile; fi

check-page:
	@sh scripts/node.sh
	npm run --silent lint
	npm run --silent types

audit: dev
	$(BIN)/python scripts/supply_chain.py audit

sbom:
	@sh scripts/venv.sh $(SERVE_VENV) $(SERVE_EXTRAS)
	$(SERVE_VENV)/bin/python scripts/supply_chain.py sbom --of $(SERVE_VENV)

format: dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# After an upgrade in .venv-dev, and after an edit of the dependencies.
constraints:
	$(BIN)/python scripts/constraints.py > constraints.new
	@mv constraints.new constraints.txt

# After a change of the API.
collection:
	$(BIN)/touchline api --collection postman > collection.new
	@mv collection.new docs/touchline.postman_collection.json

# After a change of app/jobs/kinds.py.
chart:
	$(BIN)/python scripts/chart_kinds.py > chart.new
	@mv chart.new docker/helm/touchline/templates/_kinds.tpl

clean:
	rm -rf $(SERVE_VENV) $(DEV_VENV) .venv-audit node_modules tests/azurite/node_modules build *.egg-info
