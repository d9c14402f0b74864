#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# alone.sh INTERPRETER FOLDER PROGRAM - run a client's test that needs no cribd
#
# Exit status: the program's; 77 when the client was not built, outside of CI.
set -eu

if [ ! -e "$2/done" ]; then
    echo "skipped: $2 was not built: scripts/install-deps.sh, then configure anew"
    [ "${CRIB_TESTS_MUST_RUN:-0}" = 1 ] && exit 1
    exit 77
fi
cd "$2"
export PYTHONPATH="$2" PYTHONDONTWRITEBYTECODE=1
exec "$1" "$3"
