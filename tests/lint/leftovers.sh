#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Nothing left for later, and no path of a developer's machine.
. "$(dirname "$0")/files.sh"

all=$(files '*' | grep -Ev '^LICENSE$|\.(png|svg|bin)$')
some "$all"
# The words are put together here so that this file does not hold them.
later="TO""DO|FIX""ME|XX""X"
homes='/[w]ork/|/[h]ome/|/[U]sers/|/[r]oot/'
# Tests speak of made-up callers, who live somewhere, and of what nobody inside may see.
made_up='^tests/.*(/[h]ome/(user|data)?|/[r]oot/)'
# shellcheck disable=SC2086
out=$(grep -InE "(^|[^A-Za-z0-9_])($later)([^A-Za-z0-9_]|\$)" $all /dev/null |
    sed 's/^\([^:]*:[0-9]*\):.*/\1: something was left for later; finish it, or write an issue/'
    grep -InE "(^|[^A-Za-z0-9_.*}])($homes)" $all /dev/null | grep -vE "$made_up" |
    sed 's/^\([^:]*:[0-9]*\):.*/\1: a path of some developer'"'"'s machine; use a made-up or a relative one/')
report "$out"
