#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Each header compiles alone, and twice; the public ones also as C11 without extensions of ours and as C++.
# Arguments: SOURCE_DIR CC CXX CFLAG... (CXX may be `no`)
. "$(dirname "$0")/files.sh"

cc=${2:?} cxx=$3
shift 3
headers=$(files 'executor/*.h' 'tests/support/*.h')
some "$headers"
dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT

# alone NAME COMPILER FLAG...: the first complaint about $path, included as NAME
alone() {
    printf '#include "%s"\n#include "%s"\n' "$1" "$1" > "$dir/alone"
    shift
    "$@" -Wall -Wextra -Werror -fsyntax-only "$dir/alone" 2>&1 | sed -n '/error/{s,.*error: ,,p;q;}' |
        sed "s,^,$path:1: does not compile alone and twice; mend what it includes or its guard: ,"
}

out=$(for path in $headers; do
    case $path in
    executor/include/*)
        name=${path#executor/include/}
        alone "$name" "$cc" -x c -std=gnu11 -Wpedantic -Iexecutor/include
        [ "$cxx" = no ] || alone "$name" "$cxx" -x c++ -Wpedantic -Iexecutor/include
        ;;
    *) alone "${path#*/}" "$cc" -x c -std=gnu17 -D_GNU_SOURCE -I"${path%%/*}" "$@" ;;
    esac
done)
report "$out"
