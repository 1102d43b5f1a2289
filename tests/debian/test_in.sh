#!/usr/bin/env bash
# Runs the suite on another Debian release, in a chroot of its own: test_in.sh SUITE [PRESET]
# The chroot and its build stay in build/debian/SUITE; remove that folder to start afresh.
set -euo pipefail
suite=$1
preset=${2:-dev}
source=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
root=$source/build/debian/$suite

fail() { echo "test-in: $*" >&2; exit 4; }
[ "$(id -u)" = 0 ] || fail "a chroot needs root; run it with sudo"

# The machine's own mirror, first of its Debian sources.
mirror=$(apt-cache policy | grep -oE 'https?://[^ ]+/debian ' | head -n 1)
[ -n "$mirror" ] || fail "this machine names no Debian mirror in its package sources"

if [ ! -e "$root/.ready" ]; then
  command -v debootstrap >/dev/null || apt-get install -y -qq --no-install-recommends debootstrap >/dev/null
  rm -rf "$root"
  mkdir -p "$root"
  debootstrap --variant=minbase "$suite" "$root" $mirror >"$root.log" 2>&1 || fail "$suite cannot be installed: see $root.log"
  # As this machine reaches its mirror, so does the chroot.
  apt-config dump | grep -E '^Acquire::(http|https|Retries|ForceIPv)' >"$root/etc/apt/apt.conf.d/90machine" || true
  touch "$root/.ready"
fi
cp /etc/resolv.conf "$root/etc/resolv.conf"

mkdir -p "$root/src"
# Only what differs is written, and bears the time of now: what was built from an older state is built again.
command -v rsync >/dev/null || apt-get install -y -qq --no-install-recommends rsync >/dev/null
git -C "$source" ls-files -z --cached --others --exclude-standard |
  rsync --recursive --links --perms --checksum --from0 --files-from=- --ignore-missing-args "$source" "$root/src"
mount -t proc proc "$root/proc"
trap 'umount "$root/proc"' EXIT
mount --bind /dev/pts "$root/dev/pts"  # terminals, of which the tests ask some
trap 'umount "$root/dev/pts" "$root/proc"' EXIT
in_chroot() {
  chroot "$root" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 ${http_proxy:+http_proxy="$http_proxy"} \
    ${https_proxy:+https_proxy="$https_proxy"} "$@"
}
in_chroot /src/run test "$preset"

# Plugin binaries of this machine, as the tests here built them, in that one's core and LibTorch.
built=$source/build/dev/tests/examples
if [ -d "$built/gpt-neox" ] && [ -d "$built/mamba" ]; then
  garage() { in_chroot "/src/build/$preset/bin/garage" --catalog /foreign/catalog --plugins /foreign "$@"; }
  mkdir -p "$root/foreign"
  cp "$built"/gpt-neox/lib/garage/plugins/*.so "$built"/mamba/lib/garage/plugins/*.so "$root/foreign"
  for name in gpt-neox mamba; do garage register "$name" "/src/tests/data/examples/$name"; done
  libtorch_of() { "$@" sh -c 'basename "$(readlink -f /usr/lib/*/libtorch_cpu.so)"'; }
  if [ "$(libtorch_of env)" != "$(libtorch_of in_chroot)" ]; then
    echo "test-in: the code that mamba brings, built for the LibTorch of this machine, has to be refused there:"
    if garage extract mamba mixer_0 -o /foreign/part; then fail "a library for another LibTorch was opened"; fi
  fi
fi
