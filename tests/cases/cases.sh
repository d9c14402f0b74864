#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every case file, and that no shipped policy is without one. For tests/sandbox/apart.sh, which puts
# crib and the files into one directory.
set -eu

dir=$(cd "$(dirname "$0")" && pwd)
cases=$dir/tmp/cases
mkdir "$cases"
cp "$dir"/*.yaml "$cases/"
"$dir/crib" policy list | while read -r name rest; do
    for file in "$name.yaml" "$name.policy.yaml"; do
        [ -f "$cases/$file" ] || { echo "tests/cases/$file is missing"; exit 1; }
    done
done
exec "$dir/crib" test "$cases"
