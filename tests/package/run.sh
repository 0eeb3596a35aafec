#!/bin/sh
# Makes the Debian package of the Release build and tries it in a fresh Debian 12: tests/package/inside.sh.
# usage: tests/package/run.sh [whet.deb]       as root; needs debootstrap and bubblewrap, and the network
set -eu
cd "$(dirname "$0")/../.."

missing=""
[ "$(id -u)" = 0 ] || missing="$missing root"
command -v debootstrap >/dev/null || [ -f "${WHET_FRESH_ROOT:-/var/tmp/whet-fresh-root.tar}" ] || missing="$missing debootstrap"
command -v bwrap >/dev/null || missing="$missing bubblewrap"
if [ -n "$missing" ]; then
  echo "tests/package/run.sh: expected root, debootstrap and bubblewrap, found no:$missing" >&2
  exit 1
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
package=${1:-}
if [ -z "$package" ]; then
  cpack --config build/release/CPackConfig.cmake -B "$work/package" >/dev/null
  package=$(ls "$work"/package/*.deb)
fi

# The packages of a minimal Debian are fetched once.
base=${WHET_FRESH_ROOT:-/var/tmp/whet-fresh-root.tar}
root=$work/root
if [ ! -f "$base" ]; then
  mirror=$(awk '/^URIs:/ { print $2; exit }' /etc/apt/sources.list.d/debian.sources 2>/dev/null || true)
  debootstrap --variant=minbase bookworm "$work/made" "${mirror:-http://deb.debian.org/debian}" >/dev/null
  tar -C "$work/made" -cf "$base" .
  rm -rf "$work/made"
fi
mkdir "$root"
tar -C "$root" -xf "$base"

# The sources, proxies and certificates by which this machine reaches a mirror.
rm -f "$root/etc/apt/sources.list"
for path in /etc/apt/sources.list /etc/apt/sources.list.d /etc/apt/apt.conf.d /etc/resolv.conf /etc/hosts \
  /etc/ssl/certs/ca-certificates.crt; do
  [ -e "$path" ] || continue
  mkdir -p "$root$(dirname "$path")"
  cp -r "$path" "$root$(dirname "$path")/"
done
mkdir "$root/try"
cp "$package" "$root/try/whet.deb"
cp tests/package/inside.sh examples/ask.cc models/whetstone-2.8m-q8_0.gguf "$root/try/"

bwrap --bind "$root" / --proc /proc --dev /dev --cap-add ALL --die-with-parent --unshare-pid --clearenv \
  --setenv HOME /root --setenv PATH /usr/sbin:/usr/bin:/sbin:/bin --setenv TERM dumb --setenv LANG C.UTF-8 \
  --setenv DEBIAN_FRONTEND noninteractive --chdir /try sh inside.sh
