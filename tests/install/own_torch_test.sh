#!/usr/bin/env bash
# A library that is linked with a LibTorch outside of the system's folders, as libgarage_nn.so and plugins' nn libraries
# are, finds it where it is installed; one that is linked with the system's has no folder of the system in its run path.
# usage: own_torch_test.sh SOURCE TORCH_DIR TORCH_LIBRARIES (the folders of TorchConfig.cmake and of libtorch.so)
set -euo pipefail
source_folder=$1 torch_dir=$2 libraries=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset LD_LIBRARY_PATH

mkdir "$work/source"
echo 'int probe() { return 0; }' >"$work/source/probe.cpp"
cat >"$work/source/CMakeLists.txt" <<EOF
cmake_minimum_required(VERSION 3.25)
project(own-torch LANGUAGES C CXX)
set(CMAKE_INSTALL_RPATH "\$ORIGIN")
find_package(Torch REQUIRED)
include($source_folder/sdk/cmake/garage_torch_build.cmake)
add_library(probe SHARED probe.cpp)
target_link_libraries(probe PRIVATE \${TORCH_LIBRARIES})
garage_torch_build(probe)
install(TARGETS probe LIBRARY DESTINATION lib)
EOF

# The run path of the installed library, when it is linked with the LibTorch whose TorchConfig.cmake is in that folder.
run_path() {
  local name=$1 torch=$2 prefix=$3
  { cmake -S "$work/source" -B "$work/$name" -G Ninja -DCMAKE_PREFIX_PATH="$prefix" -DTorch_DIR="$torch" &&
      cmake --build "$work/$name" && cmake --install "$work/$name" --prefix "$work/$name/prefix"; } >"$work/log" 2>&1 ||
    { cat "$work/log" >&2; exit 1; }
  readelf -d "$work/$name/prefix/lib/libprobe.so" | sed -n 's/.*(RU\?N\?PATH).*\[\(.*\)\]/\1/p'
}

expect() { [ "$1" = "$2" ] || { echo "the run path is '$1', should be '$2'"; exit 1; }; }

found=$(run_path given "$torch_dir" "")
case "$libraries" in
  /usr/lib*|/lib*) expect "$found" '$ORIGIN' ;;
  *) expect "$found" "\$ORIGIN:$libraries"; exit ;;
esac

# The system's own in another place: its CMake files, and links to its libraries.
own=$work/elsewhere
mkdir -p "$own$(dirname "$torch_dir")" "$own$libraries"
cp -r "$torch_dir" "$(dirname "$torch_dir")/Caffe2" "$own$(dirname "$torch_dir")"
ln -s "$libraries"/lib{torch,c10,caffe2,shm}*.so* "$own$libraries"
ln -s /usr/include "$own/usr/include"
expect "$(run_path own "$own$torch_dir" "$own/usr")" "\$ORIGIN:$own$libraries"
# Read whole before it is searched: a grep that has found something ends, and ldd would die of writing to it.
found=$(ldd "$work/own/prefix/lib/libprobe.so")
grep -q "libtorch[^ ]* => $own$libraries/" <<<"$found" || { echo "the loader does not find it there: $found"; exit 1; }
