# make run        set up once, then start shiftscope and open it in a browser
# make test       set up once, then check and test everything
# make nightly    everything on SQLite and on PostgreSQL, 50 crashes, long fuzzing; an hour or two
# make audit      known weaknesses of what the container image installs; asks PyPI
# make lock       pin that again, with hashes, after a change of pyproject.toml or constraints.txt
# make benchmark  what watching costs, against the bare training loop
# make clean      forget the set-up

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
PIP := PIP_CONSTRAINT=constraints.txt PIP_DISABLE_PIP_VERSION_CHECK=1 $(VENV)/bin/pip install --quiet
SET_UP := pyproject.toml constraints.txt Makefile

NIGHT := SHIFTSCOPE_CRASHES=50 SHIFTSCOPE_FUZZ=500 SHIFTSCOPE_CLAIMS=1000
COMPILE := CUSTOM_COMPILE_COMMAND="$$LOCK_HEAD" $(VENV)/tools/bin/pip-compile --quiet --no-strip-extras \
	--generate-hashes --extra postgres --build-deps-for wheel --allow-unsafe --constraint constraints.txt \
	--no-emit-index-url --no-emit-find-links pyproject.toml
TORCH := --extra-index-url https://download.pytorch.org/whl/cpu

define LOCK_HEAD
make lock
#
# For Python 3.11 on Linux, x86-64, where it was made. The hashes are those of all files of a version
# on PyPI, but for torch's build for CPUs: its one hash is that of the wheel for Python 3.11 on x86-64.
# For ARM, another Python or another build of torch make it anew there: docs/docker.md says how.
endef
export LOCK_HEAD

.PHONY: run test check nightly audit lock benchmark clean help

run: $(VENV)/.run
	@exec $(VENV)/bin/shiftscope serve

test: $(VENV)/.test check
	@$(VENV)/bin/python tests/chromium.py
	$(VENV)/bin/pytest -q -n 2 --dist worksteal

check: $(VENV)/.test
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/pyright --warnings

nightly: $(VENV)/.test check
	@$(VENV)/bin/python tests/chromium.py
	$(NIGHT) $(VENV)/bin/pytest -q -n 2 --dist worksteal
	$(NIGHT) SHIFTSCOPE_TEST_ON=postgresql $(VENV)/bin/pytest -q -n 2 --dist worksteal

audit: $(VENV)/.tools
	# It has all that requirements.lock has; advisories are of torch, not of a build such as +cpu.
	$(VENV)/tools/bin/pip-audit --strict --disable-pip --require-hashes --requirement requirements-cuda.lock

lock: $(VENV)/.tools
	$(COMPILE) $(TORCH) --output-file requirements.lock
	PIP_CONFIG_FILE=/dev/null PIP_FIND_LINKS= $(COMPILE) --output-file requirements-cuda.lock

benchmark: $(VENV)/.run
	$(VENV)/bin/python benchmarks/loop.py

clean:
	rm -rf $(VENV)

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile

$(VENV)/bin/pip:
	@test -n "$(PYTHON)" || { echo "shiftscope needs Python 3.11 or newer; this machine has \
	$$(python3 --version 2>/dev/null || echo none). Install one, or name it: make run PYTHON=/path/to/python3.11"; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "shiftscope needs Python \
	3.11 or newer, and $(PYTHON) is $$($(PYTHON) --version 2>&1). Name another: make run PYTHON=/path/to/python3.11"; exit 2; }
	@mkdir -p $(VENV) 2>/dev/null && test -w $(VENV) || { echo "shiftscope installs into $(CURDIR)/$(VENV), \
	and this folder is read-only: clone it to a folder that you can write to."; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "Python's venv module is incomplete here; on Debian \
	and Ubuntu: apt install python3-venv"; exit 2; }

$(VENV)/.run: $(VENV)/bin/pip $(SET_UP)
	@echo "Installing shiftscope into $(VENV) (once; a minute or a few, mostly PyTorch) ..."
	@$(PIP) --editable .
	@touch $@

$(VENV)/.test: $(VENV)/.run
	@echo "Installing what the tests need into $(VENV) (once) ..."
	@$(PIP) --editable '.[test]'
	@touch $@

$(VENV)/.tools: $(VENV)/bin/pip Makefile
	@$(VENV)/bin/python -m venv $(VENV)/tools
	@$(VENV)/tools/bin/pip install --quiet pip-audit pip-tools
	@touch $@
