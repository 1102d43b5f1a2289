#!/usr/bin/env bash
# Builds the example plugins out of tree against the installed SDK, as their authors would, and leaves them in OUTPUT for
# the tests that run them.
# usage: plugins_test.sh SOURCE BUILD OUTPUT [CMAKE_ARGUMENT...]
set -euo pipefail
source_folder=$1 build_folder=$2 output=$3
prefix=$output/prefix
cmake --install "$build_folder" --prefix "$prefix" >/dev/null

for plugin in gpt-neox mamba; do
  log=$output/$plugin.log
  { cmake -S "$source_folder/examples/plugins/$plugin" -B "$output/$plugin" -G Ninja -DCMAKE_BUILD_TYPE=Debug \
      -DCMAKE_PREFIX_PATH="$prefix" "${@:4}" && cmake --build "$output/$plugin"; } >"$log" 2>&1 || { cat "$log"; exit 1; }
done

# One prefix holds a plugin as well as another.
cmake --install "$output/gpt-neox" --prefix "$prefix" >/dev/null
[ -f "$prefix/lib/garage/plugins/libgarage-gpt-neox.so" ] || { echo "gpt-neox was not installed beside ours"; exit 1; }
"$prefix/bin/garage" --catalog "$output/catalog" detect "$source_folder/tests/data/examples/gpt-neox" | grep -q '^gpt_neox'
