#!/bin/sh
# Install the command line into an environment of its own, as small as an edge device likes it, without torch and pip:
#     sh docker/install_edge.sh CHECKOUT PLACE
# Dockerfile.edge and tests/edge/test_edge_image.py run it. PYTHON says which Python it uses, by default the first on
# the path.
set -eu

checkout=$1 place=$2 python=${PYTHON:-python3}

"$python" -m venv "$place"
"$place/bin/python" -m pip install --quiet --no-input --disable-pip-version-check "$checkout"

# What nothing here asks for: other devices than the CPU, converters of other frameworks' models, file systems and
# servers of pyarrow, headers, tests of others, and what installs.
cd "$("$place/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
rm -f openvino/libs/libopenvino_intel_[gn]pu_plugin.so openvino/libs/cache.json
for framework in gguf jax paddle pytorch tensorflow tensorflow_lite; do
    rm -f openvino/libs/libopenvino_${framework}_frontend.so*
done
for part in flight s3; do
    rm -f pyarrow/libarrow_$part.so* pyarrow/libarrow_python_$part.so* pyarrow/_$part.*.so
done
rm -f pyarrow/_s3fs.*.so pyarrow/_pyarrow_cpp_tests.*.so
rm -rf pyarrow/include pyarrow/tests numpy/_core/include openvino/include
find numpy -type d -name tests -prune -exec rm -r {} +
"$place/bin/python" -m pip uninstall --quiet --yes setuptools pip
"$place/bin/streamsel" --version
