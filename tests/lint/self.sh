#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Each lint can fail: run on bad/NAME it must say exactly what bad/NAME/expect says.
# Arguments: SOURCE_DIR CC
here=$(cd "$(dirname "$0")" && pwd)
cc=${2:-cc}
failed=0

# What a compiler says differs from one to the next.
without_compiler() {
    sed 's/\(does not compile[^:]*\):.*/\1/'
}

for lint in "$here"/*.sh; do
    name=$(basename "$lint" .sh)
    case $name in
    files | self) continue ;;
    headers) set -- "$cc" no ;;
    snippets) set -- "$cc" "-I$here/../../executor/include" ;;
    *) set -- ;;
    esac
    if [ ! -f "$here/bad/$name/expect" ]; then
        echo "tests/lint/$name.sh:1: has no tests/lint/bad/$name/expect; show that it can fail"
        failed=1
        continue
    fi
    got=$(sh "$lint" "$here/bad/$name" "$@" 2>&1)
    status=$?
    got=$(printf '%s\n' "$got" | without_compiler)
    expected=$(without_compiler < "$here/bad/$name/expect")
    if [ "$status" -ne 1 ] || [ "$got" != "$expected" ]; then
        echo "tests/lint/$name.sh:1: on its bad example it ended with $status (1 expected); it should say"
        printf '%s\n' "$expected" "and it says" "$got"
        failed=1
    fi
done
exit $failed
