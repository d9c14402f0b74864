#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every source opens with its licence; every header says where it runs and has a guard of its own name.
. "$(dirname "$0")/files.sh"

sources=$(files '*.c' '*.h' '*.S' '*.def' '*.sh' '*.awk')
some "$sources"
# shellcheck disable=SC2086
out=$(awk -f "$here/openings.awk" $sources) || exit 2
report "$out"
