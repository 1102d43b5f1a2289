#!/usr/bin/env bash
# readme_test.sh SOURCE BIN: whether the commands that SOURCE/README.md shows with their output print what it shows.
#
# Such a block opens with ```console. In it a line "$ command" is run, with BIN first in the PATH, and what follows up
# to the next one is what it prints, errors among it. The README may leave out: "..." within a line stands for any text
# of that line, and a line "…" for any lines. A command fails if and only if an "error: " is shown.
# All of them share one catalog and one folder, where the source tree's folders can be seen and files may be written.
set -euo pipefail
source_folder=$(realpath "$1") bin=$(realpath "$2")
readme=$source_folder/README.md
[[ -x $bin/garage ]] || { echo "$bin has no garage" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

unset "${!GARAGE_@}" XDG_DATA_HOME XDG_CONFIG_HOME XDG_CACHE_HOME
export HOME=$work/home GARAGE_CATALOG=$work/catalog PATH=$bin:$PATH CUDA_VISIBLE_DEVICES=
mkdir "$work/home" "$work/here"
ln -s "$source_folder"/{configs,tests} "$work/here"
cd "$work/here"

newline=$'\n'

# pattern_of TEXT: sets pattern, a glob of it, each line with its end.
pattern_of() {
  local line
  pattern=
  while IFS= read -r line; do
    if [[ $line == … ]]; then
      pattern+="?(*$newline)"
    else
      line=$(sed -e 's/[][\\*?()|!@+]/\\&/g' -e "s/\.\.\./*([!\\$newline])/g" <<<"$line")
      pattern+=$line$newline
    fi
  done <<<"$1"
}

commands=0 faults=0

# check LINE COMMAND EXPECTED: runs the command that stands in that line of the README.
check() {
  local got code=0 fails=0
  commands=$((commands + 1))
  got=$(bash -c "$2" 2>&1 </dev/null) || code=$?
  pattern_of "$3"
  [[ $newline$3 != *"${newline}error: "* ]] || fails=1
  # shellcheck disable=SC2053  # the right side is a pattern
  if [[ $got$newline == $pattern ]] && ((fails == (code != 0))); then return; fi
  faults=$((faults + 1))
  printf '%s:%s: $ %s\n--- expected%s\n%s\n--- got, exit code %s\n%s\n---\n' "$readme" "$1" "$2" \
    "$( ((fails == 0)) || echo ', and an exit code other than 0')" "$3" "$code" "$got" >&2
}

number=0 at=0 inside=0 command='' expected=''
finish() {
  if [[ -n $command ]]; then
    while [[ $expected == *"$newline" ]]; do expected=${expected%"$newline"}; done
    check "$at" "$command" "$expected"
  fi
  command='' expected=''
}
while IFS= read -r line; do
  number=$((number + 1))
  case $inside$line in
    '0```console') inside=1 ;;
    '1```') finish; inside=0 ;;
    '1$ '*) finish; command=${line#'$ '} at=$number ;;
    1*) expected+=$line$newline ;;
  esac
done <"$readme"

((commands >= 5)) || { echo "$readme: shows $commands commands with their output, should show 5 or more" >&2; exit 1; }
((faults == 0)) || { echo "$readme: $faults of $commands commands print something else than it shows" >&2; exit 1; }
echo "$commands commands print what $readme shows"
