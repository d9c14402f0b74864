#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Functions of at most 70 lines, 16 in the middle; files of at most 600; names that say something.
. "$(dirname "$0")/files.sh"

all=$(files 'executor/*' 'tests/*' 'examples/*' 'scripts/*' 'proto/*' 'cmake/*')
sources=$(files 'executor/*.c' 'executor/*.h')
tests=$(files 'tests/*.c' 'tests/*.h' 'examples/*.c')
some "$sources"

names=$(printf '%s\n' "$all" |
    grep -E '(^|/)(util|utils|common|misc|helper|helpers|core)([._/]|$)|_(util|utils|common|misc|helper|helpers)\.' |
    sed 's/$/:1: the name says nothing; name the file after the noun it is about/')
# shellcheck disable=SC2086
out=$(awk -f "$here/sizes.awk" $sources $tests) || exit 2
report "$names${names:+${out:+
}}$out"
