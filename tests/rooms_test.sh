#!/bin/bash
# rooms_test.sh FOLDER: whether the rooms of FOLDER/src (core/README.md says what each is) know only those before them.
# A public header belongs to the room that implements it, or in whose folder of FOLDER/include/garage it lies. Names every
# include that does not follow the order.
set -euo pipefail
shopt -s globstar
cd "$1"

# In this order. A folder in a room's folder is part of it, or a room of its own where it is listed.
rooms=(model text json bytes process encoding checkpoint blueprint spec compare find catalog catalog/index plugin config
  registry convert merge/methods merge/recipe merge/tokens merge/plan merge/write merge worker batch)
# Public headers that bear neither a room's name nor that of a source; "-": everybody's.
declare -A room_of_header=([export]=- [maybe]=- [abi]=plugin [allow]=config [array]=encoding)

declare -A place
for i in "${!rooms[@]}"; do place[${rooms[i]}]=$i; done
faults=0
fault() { echo "$1" >&2; faults=$((faults + 1)); }

# room_at FOLDER: sets room to that of a folder below src; empty where there is none.
room_at() {
  room=$1
  until [[ -z $room || -v place[$room] ]]; do
    if [[ $room == */* ]]; then room=${room%/*}; else room=; fi
  done
}

for source in src/**/*.[ch]pp; do
  folder=${source#src/} name=${source##*/}
  room_at "${folder%/*}"
  [[ -n $room ]] || fault "$source: lies in no room; rooms of tests/rooms_test.sh lists them in their order"
  if [[ $name == *.cpp && ! -v room_of_header[${name%.cpp}] ]]; then room_of_header[${name%.cpp}]=$room; fi
done
for room in "${rooms[@]}"; do
  [[ -e include/garage/$room.hpp ]] && room_of_header[$room]=$room
  grep -q "^| \`$room/\`" README.md || fault "README.md: has no row for the room $room/"
done
for header in include/garage/**/*.h*; do
  folder=${header#include/garage/} name=${header##*/} name=${name%.*}
  if [[ $folder == */* ]]; then
    room_at "${folder%/*}"
    [[ -n $room ]] || fault "$header: lies in a folder of no room"
  elif [[ ! -v room_of_header[$name] ]]; then
    fault "$header: no room has it; room_of_header of tests/rooms_test.sh names such"
  fi
done

# file_at FILE: sets room, and within, the folder where a file lies below the room's own.
file_at() {
  local folder=${1%/*} name=${1##*/}
  if [[ $1 == include/garage/*/* ]]; then
    room_at "${folder#include/garage/}"
    within=
  elif [[ $1 == include/garage/* ]]; then
    room=${room_of_header[${name%.*}]:-} within=
  else
    room_at "${folder#src/}"
    within=${folder#"src/$room"}
  fi
}

includes=0
while IFS=: read -r file line include; do
  included=${include#\#include ?} included=${included%?}
  if [[ $include == *\"* ]]; then
    folder=${file%/*}
    while [[ $included == ../* ]]; do folder=${folder%/*} included=${included#../}; done
    included=$folder/$included
  else
    included=include/$included
  fi
  [[ -e $included ]] || { fault "$file:$line: $include: is not there"; continue; }
  file_at "$file"
  from=$room from_within=$within
  file_at "$included"
  includes=$((includes + 1))
  [[ -n $from && -n $room && $room != - ]] || continue  # told above, or everybody's
  if ((${place[$room]} > ${place[$from]:-0})); then
    fault "$file:$line: $include: $from/ comes before $room/ and must not know it"
  elif [[ $room == "$from" && -n $within && -n $from_within && $within != "$from_within" ]]; then
    fault "$file:$line: $include: $from$from_within/ and $room$within/ must not know each other"
  fi
done < <(grep -rnoE '^#include ("[^"]+"|<garage/[^>]+>)' src include)

((includes > 0)) || fault "$1: has no includes"
((faults == 0)) || { echo "core/README.md says what the order is for" >&2; exit 1; }
echo "$includes includes follow the order"
