#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# install-deps.sh [--bench] [--fuzz] [--without-clients] - install what is missing of the packages crib needs
#
# Says nothing when all is there. --bench adds the programs that `make bench` compares with, --fuzz
# what the fuzzers are built with. --without-clients leaves out what the clients in Python, Node and
# Go are built and tested with, the library of an example, the programs that tests compare with and
# learn policies from, and the guest that tests run in, which CRIB_NO_VM=1 leaves out alone: Debian's
# packages; packages of npm, which go into build/npm, and a kernel, which goes into build/vm. Those two
# can be done without where they cannot be had: their tests tell. Exit status: 0; 1 when something else
# is missing and cannot be had.
set -eu
cd "$(dirname "$0")/.."

packages="gcc libc6-dev make cmake pkg-config protobuf-c-compiler libprotobuf-c-dev libuv1-dev
    libseccomp-dev libyaml-dev libcmocka-dev procps util-linux uidmap"
clients=yes guest=yes
[ "${CRIB_NO_VM:-0}" != 1 ] || guest=no
for option; do
    case $option in
    --without-clients) clients=no guest=no ;;
    --bench)
        packages="$packages bubblewrap firejail runc crun wrk python3"
        command -v node >/dev/null || packages="$packages nodejs"
        ;;
    --fuzz) packages="$packages clang libclang-rt-14-dev" ;;
    *)
        echo "install-deps: unknown option '$option'" >&2
        exit 1
        ;;
    esac
done

if [ "$clients" = yes ]; then
    packages="$packages protobuf-compiler python3 python3-protobuf golang-go gogottrpc
        golang-github-containerd-ttrpc-dev golang-github-gogo-protobuf-dev"
    # what an example serves HTTP with
    packages="$packages libmicrohttpd-dev"
    # what tests compare with
    packages="$packages systemd crun valgrind golang-github-containers-common"
    # what policies are learnt from in tests/learn/
    packages="$packages busybox git tar sqlite3 perl mawk gawk curl gzip xz-utils bc jq sed findutils
        diffutils file openssl bash lua5.4 m4"
    command -v node >/dev/null || packages="$packages nodejs"
    command -v npm >/dev/null || packages="$packages npm"
fi

# The machine of tests/vm/
[ "$guest" = no ] || packages="$packages qemu-system-x86 qemu-system-common busybox cpio kmod perl xz-utils zstd"

# What the lock file says, and nothing of what packages would like to run while they are installed.
npm_packages() {
    [ "$clients" = yes ] || return 0
    if cmp -s clients/node/package.json build/npm/package.json &&
        cmp -s clients/node/package-lock.json build/npm/package-lock.json &&
        [ -e build/npm/node_modules/protobufjs/package.json ]; then
        return 0
    fi
    echo "==> installing from npm: what clients/node/package-lock.json names"
    rm -rf build/npm
    mkdir -p build/npm
    cp clients/node/package.json clients/node/package-lock.json build/npm/
    (cd build/npm && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) >build/npm.log 2>&1 || {
        cat build/npm.log >&2
        rm -rf build/npm # so that the next run tries again
        echo "install-deps: the packages of npm could not be had: the client in Node is left out" >&2
    }
}

guest_kernel() {
    [ "$guest" = no ] || tests/vm/fetch.sh >/dev/null ||
        echo "install-deps: without a kernel the tests guest/... are left out" >&2
}

is_there() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

if ! command -v dpkg-query >/dev/null; then
    for tool in cc cmake pkg-config protoc-c; do
        command -v $tool >/dev/null && continue
        echo "install-deps: this is no Debian, so nothing is installed here; $tool is missing" >&2
        exit 1
    done
    ! command -v npm >/dev/null || npm_packages
    exit 0
fi

missing=
for package in $packages; do
    is_there "$package" || missing="$missing $package"
done
if [ -z "$missing" ]; then
    npm_packages
    guest_kernel
    exit 0
fi

if [ "$(id -u)" = 0 ]; then
    sudo=
elif command -v sudo >/dev/null; then
    sudo=sudo
    [ -t 0 ] || sudo="sudo -n" # nobody is there to type a password
else
    echo "install-deps: these packages are missing, and there is no sudo. As root, run:" >&2
    echo "    apt-get install --no-install-recommends$missing" >&2
    exit 1
fi

export DEBIAN_FRONTEND=noninteractive
echo "==> installing from Debian:$missing"
# shellcheck disable=SC2086
if ! $sudo apt-get install -y -q --no-install-recommends $missing >/dev/null 2>&1; then
    echo "==> fetching the lists of packages first"
    $sudo apt-get update -q >/dev/null
    # shellcheck disable=SC2086
    $sudo apt-get install -y -q --no-install-recommends $missing >/dev/null
fi
for package in $missing; do
    is_there "$package" && continue
    echo "install-deps: $package could not be installed" >&2
    exit 1
done
npm_packages
guest_kernel
