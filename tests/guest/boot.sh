#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# boot.sh RESULTS LIST [KERNEL-WORDS] - run the programs of LIST in a guest, and keep what they said
#
# LIST is inside.sh's. RESULTS is emptied, and gets a file for each NAME, whose last line is its exit
# status; result.sh reads it. CRIB_GUEST_ONLY is a regular expression for the names: others do not run.
# Exit status: 0 when the guest went through the list, whatever came of its programs; 1; 77 when there
# can be no guest here, for which there must be a reason outside of CI.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
vm=$here/../vm
results=$1 list=$2 words=${3:-}

rm -rf "$results"
mkdir -p "$results"
if ! command -v qemu-system-x86_64 >/dev/null || ! "$vm/fetch.sh" >"$results/.kernel" 2>&1; then
    echo "skipped: no guest: $(cat "$results/.kernel" 2>/dev/null || echo 'scripts/install-deps.sh installs qemu')" |
        tee "$results/.skipped"
    [ "${CRIB_TESTS_MUST_RUN:-0}" = 1 ] && exit 1
    exit 77
fi

# A file for each name, closed by its status; the names and times go on to stdout.
split() {
    awk -v dir="$results" '
        $1 == ">>>" && NF == 2 { name = $2; file = dir "/" name; next }
        $1 == "<<<" && $2 == name {
            print $3 > file; close(file)
            printf "%-40s %3d  %3d s\n", name, $3, $4
            name = ""; next
        }
        name { print > file; next }
        { print }'
}

status=0
"$vm/guest.sh" -m 1536 -t 1500 -a "$words" "$here/inside.sh" "$list" "${CRIB_GUEST_ONLY:-.}" | split || status=1
[ $status = 0 ] || echo "boot.sh: the guest did not go through the list"
exit $status
