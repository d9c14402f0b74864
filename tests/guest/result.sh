#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# result.sh RESULTS NAME - what became of one program of boot.sh's guest
#
# Shows its output. Exit status: the program's; 77, in CI 1, when there was no guest.
set -eu

file=$1/$2
if [ -e "$1/.skipped" ]; then
    cat "$1/.skipped"
    [ "${CRIB_TESTS_MUST_RUN:-0}" = 1 ] && exit 1
    exit 77
fi
if [ ! -e "$file" ]; then
    echo "result.sh: the guest did not get to $2"
    exit 1
fi
sed '$d' "$file"
status=$(tail -n 1 "$file")
case $status in
'' | *[!0-9]*)
    echo "$status"
    echo "result.sh: the guest ended before $2 did"
    exit 1
    ;;
esac
exit "$status"
