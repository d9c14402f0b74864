#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# install-deps.sh [--bench] [--fuzz] - install what is missing of the Debian packages crib needs
#
# Says nothing when all is there. --bench adds the programs that `make bench` compares with, --fuzz
# what the fuzzers are built with. Exit status: 0; 1 when something is missing and cannot be had.
set -eu

packages="gcc libc6-dev make cmake pkg-config protobuf-c-compiler libprotobuf-c-dev libuv1-dev
    libseccomp-dev libyaml-dev libcmocka-dev procps util-linux"
for option; do
    case $option in
    --bench) packages="$packages bubblewrap firejail runc" ;;
    --fuzz) packages="$packages clang libclang-rt-14-dev" ;;
    *)
        echo "install-deps: unknown option '$option'" >&2
        exit 1
        ;;
    esac
done

is_there() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

if ! command -v dpkg-query >/dev/null; then
    for tool in cc cmake pkg-config protoc-c; do
        command -v $tool >/dev/null && continue
        echo "install-deps: this is no Debian, so nothing is installed here; $tool is missing" >&2
        exit 1
    done
    exit 0
fi

missing=
for package in $packages; do
    is_there "$package" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

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
