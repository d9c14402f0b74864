#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every C block of README.md and docs/ compiles against the public headers: a block with a main as a
# program, any other as the inside of the function below.
# Arguments: SOURCE_DIR CC CFLAG...
. "$(dirname "$0")/files.sh"

cc=${2:?}
shift 2
pages=$(files 'README.md' 'docs/*.md' 'examples/*.md')
some "$pages"
dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT

# shellcheck disable=SC2086
awk -v dir="$dir" '
    /^```c$/ { block = dir "/" ++n ".block"; print FILENAME ":" FNR > (dir "/" n ".place"); next }
    /^```/ { block = "" }
    block != "" { print > block }' $pages || exit 2

cat > "$dir/before" <<'END'
#include <crib/child.h>
#include <crib/crib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
void on_done(crib_task *task, const struct crib_error *error, const char *out, size_t out_len,
             const char *err, size_t err_len, void *data);
void on_data(crib_stream *stream, const char *data, ssize_t len, void *user);
void on_message(crib_task *task, struct crib_message *message, void *data);
void on_exit_event(crib_task *task, const struct crib_result *result, void *data);
void snippet(crib *ex);
void snippet(crib *ex)
{
    crib_task *task, *other;
    struct crib_options options;
    struct crib_error error;
    int r;
END

out=$(for block in "$dir"/*.block; do
    [ -f "$block" ] || continue
    if grep -q 'main(' "$block"; then
        cat "$block"
    else
        cat "$dir/before" "$block"
        echo '}'
    fi > "$dir/snippet.c"
    said=$("$cc" -std=gnu17 -Wall -Wextra -Werror -Wno-unused -fsyntax-only -Iexecutor/include "$@" \
        "$dir/snippet.c" 2>&1 | grep error | head -n 1)
    [ -z "$said" ] || echo "$(cat "${block%.block}.place"): does not compile: ${said##*error: }"
done)
report "$out"
