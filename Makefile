# Tocsin: `make run` starts everything, `make test` proves it. Needs Python 3.11 or later and make; nothing else.

.DEFAULT_GOAL := help
.PHONY: help run test test-full check lint pure peers bench bench-long screenshots transcripts catalogues lock clean

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11; do \
	command -v $$name >/dev/null && $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' && echo $$name && break; done)
# A virtual environment knows its own path: after a move it is made anew.
$(shell [ "$$(cat $(VENV)/.made 2>/dev/null)" = "$(CURDIR)" ] || rm -f $(VENV)/.made)
CODE := src tests requirements/install.py $(if $(wildcard bench/*.py),bench)

help:  ## show this
	@echo "Tocsin"; grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1|/' | column -t -s '|' 2>/dev/null \
		|| grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST)

run: $(VENV)/.installed-run  ## start database, API, worker, pusher and console; Ctrl-C stops them
	@exec $(BIN)/tocsin up

# `make test AT='tomorrow 00:05'` runs the tests as if it were then.
PYTEST := $(if $(AT),tests/clock/at.sh '$(AT)') $(BIN)/python -m pytest -n 3 --dist worksteal -q --durations=20

test: lint peers  ## every check, and every test but the longest
	$(PYTEST)

test-full: lint peers  ## every check and every test, the longest and largest too
	$(PYTEST) -m ''

check: lint pure  ## format, lint, types, import floors, dependencies, pure tests: under 90 s

lint: $(VENV)/.installed-dev
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)
	$(BIN)/mypy $(CODE)
	$(BIN)/lint-imports
	$(BIN)/deptry src

pure: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -q tests/pure

peers:  ## install the third-party programs that tests talk to: Debian packages as root, and npm packages
	@tests/peers/install.sh
	@tests/browser/install.sh

bench: $(VENV)/.installed-dev peers  ## print the figures, within 10 minutes
	@exec $(BIN)/python -m bench

bench-long: $(VENV)/.installed-dev  ## the one that runs long: claim time and table sizes after 2 million messages
	@exec $(BIN)/python -m bench --long

screenshots: $(VENV)/.installed-dev peers  ## every page of the console, both languages and themes, into build/screenshots
	$(BIN)/python -m tests.browser.shots

transcripts: $(VENV)/.installed-dev  ## write what README and quickstart show of the product anew, from a run of it
	RENEW_TRANSCRIPTS=1 $(BIN)/python -m pytest -q tests/flows/test_first_run.py

catalogues:  ## compile the console's translations (needs gettext)
	@for language in en zh_Hans; do cd $(CURDIR)/src/tocsin/console/locale/$$language/LC_MESSAGES; \
		msgcat --sort-output --no-wrap -o django.po django.po && msgfmt --check-format -o django.mo django.po; done

lock:  ## renew requirements/*.txt from requirements/*.in (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate requirements/run.in -o requirements/run.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate requirements/dev.in -o requirements/dev.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-deps requirements/assets.in -o requirements/assets.txt

clean:  ## remove the virtual environment and what tools leave; keeps var/
	rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache src/*.egg-info

$(VENV)/.made:
	@[ -n "$(PYTHON)" ] || { echo "Tocsin needs Python 3.11 or later: install it, or name it: make PYTHON=/path/to/python3 $(MAKECMDGOALS)"; exit 2; }
	@rm -rf $(VENV)
	@echo "Making a virtual environment in $(VENV) ..."
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "Python's venv module is not complete: install the package python3-venv of your system"; exit 2; }
	@echo "$(CURDIR)" > $@

# $(1): run or dev. Hashes in the files make pip refuse anything else.
define install
	@$(BIN)/python requirements/install.py $(1)
	@touch $@
endef

$(VENV)/.installed-run: $(VENV)/.made requirements/run.txt requirements/assets.txt pyproject.toml
	$(call install,run)

$(VENV)/.installed-dev: $(VENV)/.made requirements/dev.txt requirements/assets.txt pyproject.toml
	$(call install,dev)
	@touch $(VENV)/.installed-run
