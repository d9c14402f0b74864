#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The include table and the library table of docs/architecture.md, held against executor/.
. "$(dirname "$0")/files.sh"

sources=$(files 'executor/*.c' 'executor/*.h' 'executor/*.def' 'executor/*.S')
some "$sources"
folders=$(for d in executor/*/; do d=${d#executor/}; echo "${d%/}"; done)
# shellcheck disable=SC2086
out=$(awk -v folders="$folders" -f "$here/includes.awk" docs/architecture.md $sources \
    $(files 'examples/*.c')) || exit 2
report "$out"
