#!/usr/bin/env bash
# Installs what was built, and builds and runs examples/embed against it, as a user would.
# usage: embed_test.sh SOURCE BUILD
set -euo pipefail
source_folder=$1 build_folder=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cmake --install "$build_folder" --prefix "$work/prefix" >/dev/null
cmake -S "$source_folder/examples/embed" -B "$work/build" -G Ninja -DCMAKE_BUILD_TYPE=Debug \
  -DCMAKE_PREFIX_PATH="$work/prefix" "${@:3}" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
cmake --build "$work/build" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }

# Wherever the LibTorch is that it was linked with.
if env -u LD_LIBRARY_PATH ldd "$work/prefix/lib/libgarage_nn.so" | grep 'not found'; then exit 1; fi

# Only what lies under the prefix: no plugin of the build folder, no catalog of the user.
unset GARAGE_PLUGIN_PATH GARAGE_CATALOG GARAGE_CONFIG XDG_DATA_HOME XDG_CONFIG_HOME
export HOME=$work
answer=$("$work/build/embed" "$work/catalog" "$source_folder/tests/data/reference/gpt2")
[ "$answer" = "gpt2, 3 layers, 43296 parameters
transformer.h.0.attn: 4 heads of 8
transformer.h.1.attn: 4 heads of 8
transformer.h.2.attn: 4 heads of 8
attention_0 gives [1, 4, 32]" ] || { echo "embed answered:"; echo "$answer"; exit 1; }
"$work/prefix/bin/garage" --catalog "$work/catalog" show mine | grep '43,296 parameters' >/dev/null
