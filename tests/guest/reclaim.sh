#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A crib that is killed leaves the empty group of its task behind; the next one takes it away.
set -eu

echo 'extends: [default]
limits: {memory: 64M}' >rules.yaml

leaves() {
    find "$CRIB_GUEST_SLICE" -mindepth 1 -type d -name 'crib-*' ! -name crib-host # this shell is in its own group
}

# soon WHAT... - until it succeeds, or half a minute is over
soon() {
    for _ in $(seq 600); do
        "$@" && return 0
        sleep 0.05
    done
    echo "reclaim.sh: never came: $*"
    exit 1
}

has_program() { [ "$(wc -l <"$1/cgroup.procs")" -gt 1 ]; }
one_leaf() { [ "$(leaves | wc -l)" = 1 ]; }
is_empty() { grep -q '^populated 0' "$1/cgroup.events"; }

sh -c "exec ./crib run -p ./rules.yaml sleep 1000" &
crib=$!
soon one_leaf
left=$(leaves)
soon has_program "$left"
kill -KILL $crib
wait $crib || :
soon is_empty "$left"
[ -d "$left" ] || { echo "reclaim.sh: nobody was there to remove $left"; exit 1; }
./crib run -p ./rules.yaml true
[ ! -d "$left" ] || { echo "reclaim.sh: $left is still there"; exit 1; }

# One whose owner lives stays, whoever else starts a task.
./crib run -p ./rules.yaml sleep 1000 &
crib=$!
soon one_leaf
held=$(leaves)
soon has_program "$held"
./crib run -p ./rules.yaml true
[ -d "$held" ] || { echo "reclaim.sh: the group of a task that runs was removed"; exit 1; }
kill -TERM $crib
wait $crib || :
[ -z "$(leaves)" ] || { echo "reclaim.sh: left over: $(leaves)"; exit 1; }
