#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# apart.sh self|ordinary TEST PROBE DYNAMIC-PROBE - run a test from a directory that everybody may enter
#
# A checkout may lie where only its owner looks; but root's tasks, and the ordinary id, are somebody
# else. `ordinary` takes that id first, where the suite runs as root. Exit status: the test's; 77
# when there is nothing to do, since we are ordinary already.
set -eu

who=$1
shift
root=$([ "$(id -u)" = 0 ] && echo yes || echo no)
[ "$who" = self ] || [ "$root" = yes ] || exit 77
dir=$(mktemp -d "${TMPDIR:-/tmp}/crib-apart-XXXXXX")
trap 'rm -rf "$dir"' EXIT
chmod 0755 "$dir"
for file in "$@"; do
    cp "$file" "$dir/"
done
mkdir -m 0777 "$dir/tmp"
cd "$dir"
export CRIB_PROBE="$dir/$(basename "$2")" CRIB_PROBE_DYNAMIC="$dir/$(basename "${3:-$2}")"
export TMPDIR="$dir/tmp" HOME="$dir/tmp"
if [ "$who" = self ]; then
    "$dir/$(basename "$1")"
else
    setpriv --reuid 1000 --regid 1000 --clear-groups "$dir/$(basename "$1")"
fi
