# All commands of this project; it needs Python 3.11 or later and make. `make` alone lists them.

VENV := .venv
DEMO := build/demo
KAFKA_DEMO := build/kafka-demo
CAMERA := gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad python3-gi
BROKER := default-jre-headless maven openssl
MQTT := mosquitto openssl
COMPILER := gcc libc6-dev
CLOCK := libfaketime

export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Compiled once, not by each of the thousand processes that the tests start.
export PYTHONDONTWRITEBYTECODE :=

new_enough = import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
found = $(shell for python in python3.11 python3 python3.12 python3.13 python3.14; do \
	$$python -c '$(new_enough)' 2>/dev/null && echo $$python && break; done)
python = $(or $(PYTHON),$(found),$(error no Python 3.11 or later with venv was found: install one (python3-venv on Debian), or say which: make PYTHON=/path/to/python3))

.PHONY: help demo kafka-demo test lint deps bench clean

help: ## list these commands
	@sed -n 's/^\([a-z-]*\):[^#]*## /make \1\t/p' $(firstword $(MAKEFILE_LIST))

demo: $(DEMO)/venv/installed ## select from real clips, in an environment of its own (no torch)
	@$(DEMO)/venv/bin/python -m streamsel.testing.clips > $(DEMO)/clips
	@tr '\n' '\0' < $(DEMO)/clips | xargs -0 $(DEMO)/venv/bin/streamsel select -o $(DEMO)/picks -n 24 --fresh

kafka-demo: $(DEMO)/venv/installed ## the same by way of a Kafka broker, which needs Java and Maven, or Docker
	@$(DEMO)/venv/bin/python -m streamsel.testing.clips > $(DEMO)/clips
	@tr '\n' '\0' < $(DEMO)/clips | xargs -0 $(DEMO)/venv/bin/python examples/kafka_demo.py $(KAFKA_DEMO)

test: $(VENV)/installed lint deps ## set up what the tests need, and run them all
	$(VENV)/bin/python -m pytest -n 4 --dist loadgroup

lint: $(VENV)/installed ## check style and types
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy

deps: ## install what the tests need of the system's packages: an RTSP server, mosquitto, Java and Maven for a Kafka broker
	@CAMERA='$(CAMERA)' BROKER='$(BROKER)' MQTT='$(MQTT)' COMPILER='$(COMPILER)' CLOCK='$(CLOCK)' sh .ci/deps

bench: $(VENV)/installed ## print how to take each figure
	@cat benchmarks/README.md

clean: ## remove environments, caches and builds
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .hypothesis .ruff_cache .mypy_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/installed: pyproject.toml
	$(python) -m venv $(@D)
	@echo "installing into $(@D): with torch that is several GB, and minutes"
	$(@D)/bin/pip install --quiet --editable '.[test,lint]'
	@touch $@

$(DEMO)/venv/installed: pyproject.toml
	$(python) -m venv $(@D)
	@echo "installing into $(@D)"
	$(@D)/bin/pip install --quiet --editable .
	@touch $@
