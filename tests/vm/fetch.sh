#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# fetch.sh [-n] [VERSION] - have a stock kernel of Debian in build/vm, and print its folder
#
# It is the newest linux-image-VERSION.*-cloud-amd64 that apt offers, unpacked and not installed;
# VERSION is 6.1 when none is given. One that is there already is not downloaded again, and is good
# enough where nothing can be downloaded. -n: there is no network; only says what is there.
# Needs no rights, and writes nothing outside of build/vm. Exit status: 0; 1 when there is no kernel.
set -eu

network=yes
if [ "${1:-}" = -n ]; then
    network=no
    shift
fi
version=${1:-6.1}
root=$(cd "$(dirname "$0")/../.." && pwd)
vm=$root/build/vm

# The newest of the names on stdin that are a kernel of this version.
newest() {
    grep -E "^linux-image-$(echo "$version" | sed 's/\./\\./g')\.[.0-9+a-z-]*-cloud-amd64\$" | sort -V | tail -n 1
}

# Lists of packages of our own: the host's may be old or empty, and are not ours to renew.
own_apt() {
    program=$1
    shift
    mkdir -p "$vm/apt/lists/partial" "$vm/apt/cache/archives/partial"
    "$program" -q -o "Dir::State::lists=$vm/apt/lists" -o "Dir::Cache=$vm/apt/cache" "$@"
}

host_apt() {
    program=$1
    shift
    "$program" -q "$@"
}

# download WHOSE - with whose lists of packages; prints the name of what is in $work then
download() {
    name=$("$1" apt-cache pkgnames linux-image- 2>/dev/null | newest)
    [ -n "$name" ] || return 1
    if [ ! -d "$vm/$name" ]; then
        echo "==> fetching a kernel for the guest of the tests: $name" >&2
        (cd "$work" && "$1" apt-get -o APT::Sandbox::User=root download "$name") >"$work/log" 2>&1 || return 1
    fi
    echo "$name"
}

# unpack NAME - what was downloaded goes to its place when it is complete
unpack() {
    dpkg-deb -x "$work/$1"_*.deb "$work/tree"
    PATH=$PATH:/sbin:/usr/sbin depmod -b "$work/tree" "${1#linux-image-}"
    mv -T "$work/tree" "$vm/$1" 2>/dev/null || [ -d "$vm/$1" ] # another was faster
}

renewed() {
    own_apt apt-get -o APT::Sandbox::User=root update >"$work/log" 2>&1 && download own_apt
}

got=
if [ "$network" = yes ] && command -v apt-get >/dev/null; then
    mkdir -p "$vm"
    work=$(mktemp -d "$vm/fetch-XXXXXX")
    trap 'rm -rf "$work"' EXIT
    got=$(download host_apt || renewed || :)
    if [ -n "$got" ] && [ ! -d "$vm/$got" ]; then
        unpack "$got"
    fi
fi
if [ -z "$got" ] && [ -d "$vm" ]; then
    got=$(find "$vm" -maxdepth 1 -type d -name 'linux-image-*' -printf '%f\n' | newest)
fi
if [ -z "$got" ]; then
    echo "fetch.sh: no package linux-image-$version.*-cloud-amd64 of Debian could be had" >&2
    [ ! -s "${work:-}/log" ] || tail -n 5 "$work/log" >&2
    exit 1
fi
echo "$vm/$got"
