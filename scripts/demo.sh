#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# demo.sh - install what is missing, build, and show crib on real programs
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/build.sh release crib_cli crib_examples
crib=build/release/executor/cli/crib
examples=build/release/examples

# As a person would type it.
quoted() {
    local word

    for word; do
        if [[ $word =~ ^[A-Za-z0-9_./=,:@%+-]+$ ]]; then
            printf ' %s' "$word"
        else
            printf " '%s'" "$word"
        fi
    done
}

# Says what comes, shows the command, runs it; one is meant to fail.
show() {
    local about=$1

    shift
    printf '\n--- %s\n$%s\n' "$about" "$(quoted "$@")"
    "$@" 2>&1 || printf '(exit status %d)\n' $?
}

socket='socket(S, AF_INET, SOCK_STREAM, 0) or die "no socket: $!\n"; print "a TCP socket\n"'

show "A confined program: uptime in a sandbox of its own" \
    "$crib" run uptime
show "What it sees: its own processes, the system's programs, none of your files" \
    "$crib" exec 'ps ax -o pid,user,args; ls -a / /tmp'
show "ps | grep as two tasks, confined differently, joined by a pipe in the kernel" \
    "$examples/spawn_pipeline" 'spawn_pipelin[e]'
show "A forked child that doubles even numbers, with typed messages both ways" \
    "$examples/fork_doubler" 20 21
show "The network is closed, and crib says which call was denied" \
    "$crib" run perl -MSocket -e "$socket"
show "The same as a network client" \
    "$crib" run --policy network perl -MSocket -e "$socket"
show "What would be done can be read before anything runs (its first lines)" \
    "$crib" plan uptime | sed '26,$d'

printf '\nThat is all. Next: %s help, docs/policy.md, examples/README.md.\n' "$crib"
