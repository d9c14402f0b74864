#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# instructions.sh BUILD WHAT PROGRAM FILE TOOLS - how many instructions a start, or a message, costs its parent
#
# Counted by callgrind, and held against the line of instructions.txt for this BUILD (dev, release), WHAT
# (start, message) and TOOLS: more than 5 % above it fails. CRIB_BENCH_RECORD=1 writes that line instead.
# Environment, address space and the C library's choice of routines are the same everywhere, and so are
# lengths of paths; what differs between compilers and libraries is in TOOLS, with whether this is root.
# Without a line for all of them there is nothing to hold it against. Exit status: 77 then, and without
# valgrind.
set -eu

build=$1 what=$2 program=$3 file=$4
turns=15 per=1
[ "$what" = start ] || turns=60 per=20
here=$(cd "$(dirname "$0")" && pwd)
list=$here/instructions.txt
skip() {
    echo "skipped: $1"
    [ "${CRIB_TESTS_MUST_RUN:-0}" = 1 ] && exit 1
    exit 77
}

command -v valgrind >/dev/null || skip "valgrind is not installed: scripts/install-deps.sh"
[ -n "$program" ] || skip "valgrind was not there when this was configured: configure anew"
user=$([ "$(id -u)" = 0 ] && echo root || echo ordinary)
tools="$5,$(valgrind --version),$(getconf GNU_LIBC_VERSION | tr ' ' -),$user"

dir=$(mktemp -d /tmp/crib-count-XXXXXX)
trap 'rm -rf "$dir"' EXIT
chmod 755 "$dir"
cp "$file" "$dir/file"
function=measured_start
[ "$what" = start ] || function=measured_messages
plain=-AVX512F,-AVX512VL,-AVX512BW,-AVX2,-AVX,-ERMS,-FSRM,-RTM,-BMI1,-BMI2,-LZCNT,-MOVBE,-SSE4_2,-SSE4_1,-SSSE3
(cd / && env -i PATH=/usr/bin:/bin LC_ALL=C GLIBC_TUNABLES="glibc.cpu.hwcaps=$plain" setarch -R \
    valgrind -q --tool=callgrind --callgrind-out-file="$dir/out" --collect-atstart=no \
    --toggle-collect="$function" --dump-after="$function" "$program" "$what" "$turns" "$dir/file") >"$dir/log" 2>&1 || {
    tail -n 20 "$dir/log"
    exit 1
}
# The least: a wake-up more is the machine's doing.
for dump in "$dir"/out.*; do
    sed -n 's/^\(summary\|totals\): *\([0-9]*\).*/\2/p' "$dump" | sort -n | tail -n 1
done | awk '$1 > 0' | sort -n >"$dir/counts"
[ "$(wc -l <"$dir/counts")" -ge "$turns" ] || {
    cat "$dir/log"
    echo "there are $(wc -l <"$dir/counts") counts of $turns"
    exit 1
}
count=$(($(head -n 1 "$dir/counts") / per))
echo "$build $what: $count instructions, of $tools (the most in a turn: $(($(tail -n 1 "$dir/counts") / per)))"

if [ "${CRIB_BENCH_RECORD:-0}" = 1 ]; then
    grep -v '^#' "$list" | awk -v b="$build" -v w="$what" -v t="$tools" '!($1 == b && $2 == w && $4 == t)' >"$dir/rows"
    echo "$build $what $count $tools" >>"$dir/rows"
    grep '^#' "$list" >"$dir/list"
    sort "$dir/rows" >>"$dir/list"
    cp "$dir/list" "$list"
    exit 0
fi
recorded=$(awk -v b="$build" -v w="$what" -v t="$tools" '$1 == b && $2 == w && $4 == t { print $3 }' "$list")
again="CRIB_BENCH_RECORD=1 ctest --test-dir build/$build -R bench/instructions"
[ -n "$recorded" ] || skip "nothing is recorded for $tools; record it with: $again"
if [ "$count" -gt $((recorded + recorded / 20)) ]; then
    echo "that is $(((count - recorded) * 100 / recorded)) % above the $recorded that were recorded (at most 5 % may be);"
    echo "if it has to be so, record it anew: $again"
    exit 1
fi
[ "$count" -ge $((recorded - recorded / 20)) ] || echo "that is less than the $recorded recorded: record it, so that it stays so: $again"
