#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# build.sh PRESET [TARGET...] - install what is missing, configure and build into build/PRESET
#
# Prints where it is; the whole output of the compiler is shown only when something fails.
set -euo pipefail
cd "$(dirname "$0")/.."

preset=${1:?usage: build.sh PRESET [TARGET...]}
shift
dir=build/$preset
log=$dir/build.log
options=()
# Warnings of a compiler that we do not know are no reason to refuse a person the demo.
[ "$preset" = release ] && options+=(-DCRIB_WERROR=OFF)
[ "$preset" = fuzz ] && scripts/install-deps.sh --fuzz
# The demo needs no client in another language; the tests do.
if [ "$preset" = release ]; then scripts/install-deps.sh --without-clients; else scripts/install-deps.sh; fi

run() {
    echo "\$ $*" >>"$log"
    "$@" >>"$log" 2>&1 && return
    tail -n 60 "$log"
    echo "build.sh: failed; all of it is in $log" >&2
    exit 1
}

# One line every tenth part of the way.
progress() {
    awk '{ print >> log_file; fflush(log_file) }
         match($0, /^\[ *[0-9]+%\]/) {
             part = int(substr($0, 2) / 10)
             if (part > last) { print "    " part "0 %"; fflush() }
             last = part > last ? part : last
         }' log_file="$log"
}

mkdir -p "$dir"
: >"$log"
echo "==> configuring $dir"
run cmake --preset "$preset" "${options[@]}"
echo "==> building $dir${*:+: $*}"
if ! cmake --build "$dir" -j "$(nproc)" ${1:+--target} "$@" 2>&1 | progress; then
    grep -nE 'error|Error|undefined reference' "$log" | head -n 40 || tail -n 40 "$log"
    echo "build.sh: failed; all of it is in $log" >&2
    exit 1
fi
