#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# own_ids.sh TEST PROBE DYNAMIC-PROBE - run a test as an ordinary id that has ranges of ids
#
# /etc/subuid, /etc/subgid and /etc/passwd are made up, in a mount namespace of the test's own;
# newuidmap is the host's. The test is in a directory of its own as in apart.sh, has supplementary
# groups, and is told by CRIB_TEST_SUBIDS that there are ids. Exit status: the test's; 77 where the
# suite is not root's, and so cannot make this up.
set -eu

[ "$(id -u)" = 0 ] || exit 77
if [ "${1:-}" != --inside ]; then
    exec unshare --mount --propagation private -- "$0" --inside "$@"
fi
shift
dir=$(mktemp -d "${TMPDIR:-/tmp}/crib-apart-XXXXXX")
trap 'rm -rf "$dir"' EXIT
chmod 0755 "$dir"
for file in "$@"; do
    cp "$file" "$dir/"
done
mkdir -m 0777 "$dir/tmp"
echo 'crib-ordinary:700000:250' >"$dir/subuid"
printf '1000:710000:200\ncrib-ordinary:720000:40\n' >"$dir/subgid"
echo 'root:x:0:0:root:/:/bin/sh' >"$dir/passwd"
echo 'crib-ordinary:x:1000:1000::/nonexistent:/bin/sh' >>"$dir/passwd"
for file in subuid subgid passwd; do
    chmod 0644 "$dir/$file"
    [ -e "/etc/$file" ] || : >"/etc/$file"
    mount --bind "$dir/$file" "/etc/$file"
done
cd "$dir"
export CRIB_PROBE="$dir/$(basename "$2")" CRIB_PROBE_DYNAMIC="$dir/$(basename "${3:-$2}")"
export TMPDIR="$dir/tmp" HOME="$dir/tmp" CRIB_TEST_SUBIDS=240
setpriv --reuid 1000 --regid 1000 --groups 1000,4,24 "$dir/$(basename "$1")"
