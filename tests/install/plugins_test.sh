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
"$prefix/bin/garage" --catalog "$output/catalog" detect "$source_folder/tests/data/examples/gpt-neox" | grep '^gpt_neox' >/dev/null
rm "$prefix/lib/garage/plugins/libgarage-gpt-neox.so"  # two of one family would be a tie

# The tutorial's commands take no arguments of ours: flags (a sanitizer's) reach them through the environment.
for argument in "${@:4}"; do case "$argument" in -DCMAKE_CXX_FLAGS=*) export CXXFLAGS=${argument#*=} ;; esac; done
"$source_folder/tests/install/tutorial_test.sh" "$source_folder" "$prefix"

# What `plugin new` writes builds, passes its own check and registers a model at once: of nothing, and of a checkpoint.
built() {
  local name=$1 model=$2
  { cmake -S "$name" -B "$name/build" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCMAKE_PREFIX_PATH="$prefix" "${cmake_arguments[@]}" &&
      cmake --build "$name/build" && ctest --test-dir "$name/build" --output-on-failure; } >"$name.log" 2>&1 || { cat "$name.log"; exit 1; }
  "$prefix/bin/garage" --catalog "$output/catalog" --plugins "$name/build/lib/garage/plugins" register "new/$name" "$model" |
    grep -q "^registered new/$name: " || { echo "the plugin that 'plugin new' made for $name does not register $model"; exit 1; }
}
cmake_arguments=("${@:4}")
cd "$output"
rm -rf fresh neo
"$prefix/bin/garage" plugin new fresh --family fresh_family >/dev/null
built fresh fresh/sample
"$prefix/bin/garage" plugin new neo --family gpt_neox --model "$source_folder/tests/data/examples/gpt-neox" >/dev/null
built neo "$source_folder/tests/data/examples/gpt-neox"
