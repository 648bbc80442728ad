# From a bare machine with Python 3.11 and make: `make demo` and `make test` build .venv and fill it themselves.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.ready
SOURCES := SlicerMambaMed DISARegistration EmphysemaXAI OrientedDetection Testing

.PHONY: demo test lint format bench install clean

install: $(READY)

$(READY): constraints.txt pyproject.toml
	@$(if $(PYTHON),true,echo "No python3.11 was found: install it (Debian: apt install python3 python3-venv)"; exit 1)
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if v == (3, 11) else "Python %d.%d was found; the pinned environment needs 3.11 (Debian 12: apt install python3 python3-venv; or make PYTHON=/path/to/python3.11)" % v)'
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "Python has no venv support: apt install python3-venv"; exit 1; }
	@echo "Making .venv with the pinned packages (some minutes, some GB)"
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check "$$(grep '^torch==' constraints.txt)"
	$(PY) -m pip install --quiet --disable-pip-version-check --no-deps -r constraints.txt
	$(PY) -m pip install --quiet --disable-pip-version-check "setuptools>=77"
	$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(READY)

demo: $(READY)
	@$(PY) Testing/check_system.py demo
	$(PY) -m mambamed demo --output demo-output --overwrite

test: $(READY)
	@$(PY) Testing/check_system.py test
	$(PY) -m pytest

lint: $(READY)
	$(VENV)/bin/ruff check $(SOURCES)
	$(VENV)/bin/ruff format --check $(SOURCES)
	$(VENV)/bin/mypy
	cd SlicerMambaMed && ../$(VENV)/bin/lint-imports --config ../pyproject.toml

format: $(READY)
	$(VENV)/bin/ruff format $(SOURCES)
	$(VENV)/bin/ruff check --fix $(SOURCES)

bench: $(READY)
	$(PY) -m mambamed bench --output bench-output

clean:
	rm -rf $(VENV) demo-output bench-output
