#!/usr/bin/env bash
# Runs the commands of sdk/README.md's tutorial, as they stand there, against the installed package.
# usage: tutorial_test.sh SOURCE PREFIX
set -euo pipefail
source_folder=$1 prefix=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

awk '/<!-- tutorial/ { inside = 1 } /<!-- end of the tutorial/ { inside = 0 }
     inside && /^```sh/ { block = 1; next } /^```/ { block = 0 } inside && block' "$source_folder/sdk/README.md" >"$work/tutorial.sh"
[ "$(wc -l <"$work/tutorial.sh")" -ge 10 ] || { echo "sdk/README.md has no tutorial"; exit 1; }

# Its C++ is the example's, word for word.
awk '/^```cpp/ { block = 1; next } /^```/ { block = 0 } block' "$source_folder/sdk/README.md" >"$work/shown"
while IFS= read -r line; do
  grep -qxF -- "$line" "$source_folder/examples/plugins/gpt-neox/gpt_neox.cpp" || { echo "gpt_neox.cpp has no line '$line'"; exit 1; }
done <"$work/shown"

unset GARAGE_PLUGIN_PATH GARAGE_CATALOG GARAGE_CONFIG XDG_DATA_HOME XDG_CONFIG_HOME XDG_CACHE_HOME
export HOME=$work PATH=$prefix/bin:$PATH PREFIX=$prefix CMAKE_GENERATOR=Ninja
export MODEL=$source_folder/tests/data/examples/gpt-neox EXAMPLE=$source_folder/examples/plugins/gpt-neox
cd "$work"
bash -euo pipefail tutorial.sh >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
grep -q 'registered me/neox: gpt_neox, 3 layers' "$work/log"
grep -q 'ran me/neox: \[2, 12\] -> \[2, 12, 96\]' "$work/log"
