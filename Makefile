# Two commands do all: `make serve` and `make test`. POSIX sh and make 3.81 suffice.
# PYTHON=...  the interpreter to use         EXTRAS=gpu  serve on an NVIDIA card

EXTRAS =
SERVE_VENV = .venv
SERVE_EXTRAS = worker$(EXTRAS:%=,%)
DEV_VENV = .venv-dev
DEV_EXTRAS = worker,train,int8,dev
BIN = $(DEV_VENV)/bin
# Tests run in one process more than there are cores, up to five; ARGS="-n 0" in one.
PARALLEL = -n auto --no-loadscope-reorder

.PHONY: help serve dev test test-unit smoke check format constraints clean

help:
	@echo "make serve   install what serving needs, then serve on http://127.0.0.1:8000"
	@echo "make test    install everything, then run every test"
	@echo "make test-unit   the quick ones that need no service"
	@echo "make smoke   try what 'make serve' installs: a video all the way, also with Redis"
	@echo "make check   ruff, mypy, import-linter, yamllint, shellcheck, hadolint"
	@echo "make format  let ruff rewrite"
	@echo "make clean   remove the virtual environments (never the data)"

# exec, so that Ctrl-C and SIGTERM reach `touchline serve` itself.
serve:
	@TOUCHLINE_NEED_MB=$${TOUCHLINE_NEED_MB:-$(if $(EXTRAS),8000,1200)} sh scripts/venv.sh $(SERVE_VENV) $(SERVE_EXTRAS)
	@exec $(SERVE_VENV)/bin/touchline serve

dev:
	@TOUCHLINE_NEED_MB=$${TOUCHLINE_NEED_MB:-9000} sh scripts/venv.sh $(DEV_VENV) $(DEV_EXTRAS)

test: dev
	$(BIN)/python -m pytest $(PARALLEL) $(ARGS)

test-unit: dev
	$(BIN)/python -m pytest $(PARALLEL) -m "not slow" tests/unit $(ARGS)

smoke:
	@sh scripts/venv.sh $(SERVE_VENV) $(SERVE_EXTRAS)
	@DEV_VENV=$(DEV_VENV) $(SERVE_VENV)/bin/python scripts/smoke.py

check: dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy app model touchline worker migrations tests benchmarks scripts
	$(BIN)/lint-imports
	$(BIN)/yamllint --strict docker-compose.yml docker configs .pre-commit-config.yaml
	$(BIN)/shellcheck scripts/venv.sh .ci/run
	@if [ -x $(BIN)/hadolint ]; then $(BIN)/hadolint docker/api.Dockerfile docker/gpu.Dockerfile; fi

format: dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# After an upgrade in .venv-dev, and after an edit of the dependencies.
constraints:
	$(BIN)/python scripts/constraints.py > constraints.new
	@mv constraints.new constraints.txt

clean:
	rm -rf $(SERVE_VENV) $(DEV_VENV) build *.egg-info
