#!/bin/sh
# Install the command line, without torch: sh docker/install.sh CHECKOUT. The Dockerfile and tests/test_install.py run it.
# PYTHON says which Python takes it, by default the first on the path.
set -eu

"${PYTHON:-python3}" -m pip install --quiet --no-input "$1"
"${PYTHON:-python3}" -c "from streamsel.cli import main; main()" --version
