#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Calls of banned.list, in executor/; and descriptors that are not CLOEXEC from birth.
. "$(dirname "$0")/files.sh"

sources=$(files 'executor/*.c' 'executor/*.h')
some "$sources"
# shellcheck disable=SC2086
out=$(awk -f "$here/strip.awk" -f "$here/banned.awk" "$here/banned.list" $sources) || exit 2
report "$out"
