#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# package.sh self|ordinary|daemon FOLDER STUB CRIBD NODE - the tests of the package for Node, with every node
#
# All of it is copied to a place where an ordinary id can look; `ordinary` takes that id, where the suite
# runs as root, and with `daemon` a cribd runs all children. More nodes can be named in CRIB_NODES, separated by colons. Exit status: 0 when all
# passed; 77 when there is nothing to do, since we are ordinary already, or, outside of CI, there is no node.
set -eu

who=$1 folder=$2 stub=$3 cribd=$4 node=$5
root=$([ "$(id -u)" = 0 ] && echo yes || echo no)
[ "$who" != ordinary ] || [ "$root" = yes ] || exit 77
daemon=

# One path a line, none twice.
nodes() {
    echo "$node:$(command -v node || :):$(command -v nodejs || :):${CRIB_NODES:-}" | tr ':' '\n' | while read -r one; do
        [ -z "$one" ] || [ ! -x "$one" ] || readlink -f "$one"
    done | sort -u
}

if [ -z "$(nodes)" ]; then
    echo "skipped: there is no node: scripts/install-deps.sh"
    [ "${CRIB_TESTS_MUST_RUN:-0}" = 1 ] && exit 1
    exit 77
fi

dir=$(mktemp -d "${TMPDIR:-/tmp}/crib-package-XXXXXX")
trap '[ -z "$daemon" ] || kill "$daemon" 2>/dev/null || :; rm -rf "$dir"' EXIT
chmod 0755 "$dir"
mkdir -p "$dir/crib/bin"
for part in index.js index.d.ts register.js register.d.ts package.json lib test policies; do
    cp -r "$folder/$part" "$dir/crib/"
done
cp "$stub" "$dir/crib/bin/crib-stub"
cp "$cribd" "$dir/cribd"
chmod -R a+rX "$dir/crib"
mkdir -m 0700 "$dir/tmp"
as=
if [ "$who" = ordinary ]; then
    chown 1000:1000 "$dir/tmp"
    as="setpriv --reuid 1000 --regid 1000 --clear-groups"
fi
[ "$root" = no ] || [ "$who" = ordinary ] || chmod 0755 "$dir/tmp"
export TMPDIR="$dir/tmp" HOME="$dir/tmp"
# what only root may look into says EACCES to others
PATH=/usr/local/bin:/usr/bin:/bin
unset NODE_PATH NODE_OPTIONS CRIB_STUB CRIB_POLICY CRIB_SOCKET
export CRIB_TEST_DAEMON="$dir/cribd"
cd "$dir/crib"
if [ "$who" = daemon ]; then
    "$dir/cribd" --socket "$dir/socket" 2>"$dir/log" &
    daemon=$!
    while ! [ -S "$dir/socket" ] && kill -0 "$daemon"; do sleep 0.1; done
    export CRIB_SOCKET="$dir/socket"
fi
status=0
for one in $(nodes); do
    echo "# $one $("$one" --version)"
    # shellcheck disable=SC2086
    $as "$one" --test test/*.test.js >"$dir/said" 2>&1 </dev/null || status=1
    grep -A 40 '^ *not ok' "$dir/said" || :
    grep -E '^. (tests|pass|fail|cancelled|skipped) ' "$dir/said" || tail -n 30 "$dir/said"
done
exit "$status"
