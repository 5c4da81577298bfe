# make setup   everything that the toolkit needs: Python packages, llama.cpp, the models
# make demo    the main job on the sample policies, with the real model
# make test    lint, types and tests
#
# Needs Python 3.11 to 3.13 with venv, a C and C++ compiler, and a network the first time.
# Targets are relative paths, so that the folder's own path may hold spaces.

PYTHON ?=
VENV   := .venv
RUN    := $(VENV)/bin/python
PIP    := $(RUN) -m pip --disable-pip-version-check
# These two are published as source alone; everything else is installed from wheels.
SOURCES := jieba|llama-cpp-python

export PIP_NO_INPUT = 1

.PHONY: setup packages models demo test check lint lock clean
.DELETE_ON_ERROR:

setup: packages models

packages: $(VENV)/stamp-llama

models: packages
	@$(RUN) -m toolkit setup

demo: packages models
	@sh examples/demo.sh

test: packages
	@$(RUN) -m toolkit setup --model small
	@$(MAKE) --no-print-directory check

check: lint
	$(RUN) -m pytest

lint: packages
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

$(VENV)/stamp-venv:
	@found=; for candidate in "$(PYTHON)" python3 python3.13 python3.12 python3.11 python; do \
	  if [ -n "$$candidate" ] && "$$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; \
	  then found=$$candidate; break; fi; \
	done; \
	if [ -z "$$found" ]; then echo "No Python 3.11, 3.12 or 3.13 was found; name one: make setup PYTHON=/path/to/python3" >&2; exit 2; fi; \
	echo "[1/4] A virtual environment in $(VENV) with $$("$$found" --version) (seconds)"; \
	"$$found" -m venv --clear $(VENV) || { echo "Python's venv module failed; on Debian and Ubuntu: apt install python3-venv" >&2; exit 2; }
	@touch $@

# The build tools come first, hash-pinned too, so that nothing unpinned runs when a source is built.
$(VENV)/stamp-packages: $(VENV)/stamp-venv requirements.lock
	@echo "[2/4] Python packages, each checked against its hash in requirements.lock (1 to 3 minutes the first time)"
	@awk '/^[a-zA-Z0-9]/ { keep = !/^($(SOURCES))==/ } keep' requirements.lock > $(VENV)/wheels.lock
	@awk '/^[a-zA-Z0-9]/ { keep = /^jieba==/ } keep' requirements.lock > $(VENV)/sources.lock
	@$(PIP) install --quiet --require-hashes --only-binary=:all: --no-deps -r $(VENV)/wheels.lock
	@$(PIP) install --quiet --require-hashes --no-build-isolation --no-deps -r $(VENV)/sources.lock
	@touch $@

$(VENV)/stamp-toolkit: $(VENV)/stamp-packages pyproject.toml
	@echo "[3/4] The toolkit itself (seconds)"
	@$(PIP) install --quiet --no-build-isolation --no-deps --no-index --editable .
	@touch $@

$(VENV)/stamp-llama: $(VENV)/stamp-toolkit toolkit/models/build.py
	@echo "[4/4] llama.cpp (5 to 10 minutes on 2 cores when it has to be compiled, else seconds)"
	@$(RUN) -m toolkit setup --build
	@touch $@

# Needs uv. No index address is written, so that the lock serves any mirror.
lock:
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --custom-compile-command "make lock" --extra build --extra ollama --extra ray --extra test pyproject.toml -o requirements.lock

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .benchmarks build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
