#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What documents point at is there: markdown links and their anchors, paths in backticks, and
# docs/*.md named in sources.
. "$(dirname "$0")/files.sh"

pages=$(files '*.md')
some "$pages"
listing > "${TMPDIR:-/tmp}/lint-links.$$"
trap 'rm -f "${TMPDIR:-/tmp}/lint-links.$$"' EXIT
# shellcheck disable=SC2086
out=$(awk -f "$here/links.awk" "${TMPDIR:-/tmp}/lint-links.$$" $pages $pages \
    $(files '*.c' '*.h' '*.proto' '*.yaml' '*.cmake' '*CMakeLists.txt')) || exit 2
report "$out"
