#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# prepared.sh self|ordinary TEST PROGRAM... - a test of the walls in sandboxes that were prepared ahead
#
# The fixtures prepare one before they start a task (sandbox_prepare()), and leave a mark for each
# task whose receipt says that it was started in one. Exit status: the test's; 1 where there is no
# mark, so that nothing was shown; 77 when there is nothing to do.
set -eu

dir=$(mktemp -d "${TMPDIR:-/tmp}/crib-prepared-XXXXXX")
trap 'rm -rf "$dir"' EXIT
chmod 0755 "$dir"
: >"$dir/marks"
chmod 0666 "$dir/marks"
CRIB_TEST_PREPARED="$dir/marks" "$(dirname "$0")/apart.sh" "$@"
if [ ! -s "$dir/marks" ]; then
    echo "no task was started in a sandbox that was prepared ahead" >&2
    exit 1
fi
echo "$(wc -c <"$dir/marks") tasks in sandboxes that were prepared ahead"
