#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every step of executor/init/steps.def is made to fail by some test of tests/sandbox.
. "$(dirname "$0")/files.sh"

tests=$(files 'tests/sandbox/*_test.c')
some "$tests"
# shellcheck disable=SC2086
out=$(awk '
    FILENAME ~ /_test\.c$/ { text = text "\n" $0; next }
    /^[A-Z_]+\(/ {
        split($0, part, /[(,) ]+/)
        name = part[2]
        gsub(/"/, "", name)
        if (!index(text, "\"" name "\""))
            print FILENAME ":" FNR ": no test of tests/sandbox names the step \"" name "\"; add one in which it fails"
        steps++
    }
    END { if (!steps) print FILENAME ":1: no step found; the lint reads lines such as STEP(name, …)" }
    ' $tests executor/init/steps.def) || exit 2
report "$out"
