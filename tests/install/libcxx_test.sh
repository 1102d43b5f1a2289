#!/usr/bin/env bash
# Plugins built with clang and libc++ serve a core built with g++ and libstdc++: they pass the conformance kit, and give
# the specs that g++'s give.
# usage: libcxx_test.sh SOURCE BUILD (a build folder of the dev preset)
set -euo pipefail
source_folder=$1 build_folder=$2
libcxx=$source_folder/build/libcxx
mapfile -t families < <(cd "$source_folder/plugins" && ls -d -- */ | tr -d /)

cmake -S "$source_folder" -B "$libcxx" -G Ninja -DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++ \
  -DCMAKE_CXX_FLAGS=-stdlib=libc++ -DCMAKE_BUILD_TYPE=Release -DGARAGE_NN=OFF -DGARAGE_TESTS=OFF >/dev/null
cmake --build "$libcxx" --target "${families[@]/#/garage-}"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HOME=$work
garage=$build_folder/bin/garage
for family in "${families[@]}"; do
  "$garage" plugin check "$libcxx/lib/garage/plugins/libgarage-$family.so" >"$work/check" || { cat "$work/check"; exit 1; }
done
for variant in "$source_folder"/tests/data/reference/*/; do
  name=$(basename "$variant")
  "$garage" --catalog "$work/gcc" register "$name" "$variant" >/dev/null
  "$garage" --catalog "$work/clang" --plugins "$libcxx/lib/garage/plugins" register "$name" "$variant" >/dev/null
  cmp "$work/gcc/$name.json" "$work/clang/$name.json" || { echo "$name: clang's plugin gives another spec"; exit 1; }
done
echo "$(ls "$work/clang" | wc -l) specs by plugins of clang and libc++ are those of g++'s, byte for byte"
