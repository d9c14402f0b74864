#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# docs/policy.md names every field and every enum word of proto/policy.proto, in backticks or in an example.
. "$(dirname "$0")/files.sh"

[ -f docs/policy.md ] || { echo "docs/policy.md:1: is not there; it explains every field of proto/policy.proto"; exit 1; }
out=$(awk '
    FNR == 1 { file++ }
    file == 1 && /^ *```/ { fenced = !fenced; next }
    file == 1 && fenced {
        text = $0
        while (match(text, /[a-z_]+:/)) {
            named[substr(text, RSTART, RLENGTH - 1)] = 1
            text = substr(text, RSTART + RLENGTH)
        }
    }
    file == 1 && !fenced {
        n = split($0, tick, "`")
        for (i = 2; i < n + 0; i += 2) {
            count = split(tick[i], word, /[^a-z_]+/)
            for (j = 1; j <= count; j++)
                named[word[j]] = 1
        }
    }
    file == 2 {
        sub(/\/\/.*/, "")
        if (match($0, /[a-z_]+ *= *[0-9]+;/)) {
            split(substr($0, RSTART, RLENGTH), part, /[ =]+/)
            if (!(part[1] in named))
                print FILENAME ":" FNR ": docs/policy.md does not explain `" part[1] "`; add it there"
        }
    }' docs/policy.md proto/policy.proto) || exit 2
report "$out"
