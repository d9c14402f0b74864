#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh self|ordinary LANGUAGE FOLDER CRIBD MODULE LIST [INTERPRETER] - a client against a cribd of its own
#
# All of it is copied to a place where an ordinary id can look, and `ordinary` takes that id, where
# the suite runs as root. Exit status: 0 when the client's program said `ok` to every step of LIST
# that is its language's, and cribd ended well; 77 when there is nothing to do, since we are ordinary
# already, or, outside of CI, since a tool was missing when the project was configured.
set -eu

who=$1 language=$2 folder=$3 cribd=$4 module=$5 list=$6 interpreter=${7:-}
root=$([ "$(id -u)" = 0 ] && echo yes || echo no)
[ "$who" = self ] || [ "$root" = yes ] || exit 77
if [ ! -e "$folder/done" ]; then
    echo "skipped: the $language client was not built: scripts/install-deps.sh, then configure anew"
    [ "${CRIB_TESTS_MUST_RUN:-0}" = 1 ] && exit 1
    exit 77
fi

daemon=
dir=$(mktemp -d "${TMPDIR:-/tmp}/crib-clients-XXXXXX")
trap '[ -z "$daemon" ] || kill -KILL "$daemon" 2>/dev/null || :; rm -rf "$dir"' EXIT
chmod 0755 "$dir"
cp -r "$folder" "$dir/client"
cp "$cribd" "$module" "$list" "$dir/"
mkdir -m 0700 "$dir/run"
mkdir -m 0700 "$dir/tmp"
as=
if [ "$who" = ordinary ]; then
    chown 1000:1000 "$dir/run" "$dir/tmp"
    as="setpriv --reuid 1000 --regid 1000 --clear-groups"
fi
cd "$dir"
export TMPDIR="$dir/tmp" HOME="$dir/tmp" PYTHONPATH="$dir/client" PYTHONDONTWRITEBYTECODE=1
unset NODE_PATH NODE_OPTIONS
socket=$dir/run/crib.sock

$as "./$(basename "$cribd")" --socket "$socket" 2>"$dir/log" &
daemon=$!
tries=600
while ! [ -S "$socket" ]; do
    tries=$((tries - 1))
    if [ "$tries" = 0 ] || ! kill -0 "$daemon" 2>/dev/null; then
        echo "cribd does not listen:"
        cat "$dir/log"
        exit 1
    fi
    sleep 0.1
done

case $language in
python) program="$interpreter client/conformance.py" ;;
node) program="$interpreter client/conformance.mjs" ;;
go) program=client/conformance ;;
esac
status=0
# shellcheck disable=SC2086
timeout 540 $as $program "$socket" "$dir/$(basename "$module")" "$dir/$(basename "$list")" >"$dir/said" 2>&1 ||
    status=$?
cat "$dir/said"

# What has to be said, whatever the program thinks of itself.
awk -v language="$language" '
    /^#/ || !NF { next }
    match($0, /\([^()]*\)$/) && substr($0, RSTART) !~ ("[(, ]" language "[),]") { next }
    { names[++n] = $1 }
    END { print "1.." n; for (i = 1; i <= n; i++) print "ok " i " " names[i] }' "$list" >"$dir/wanted"
if ! cmp -s "$dir/wanted" "$dir/said"; then
    echo "that is not what $(basename "$list") wants"
    status=1
fi

kill -TERM "$daemon"
ended=0
wait "$daemon" || ended=$?
daemon=
if [ "$ended" -ne 0 ]; then
    echo "cribd ended with $ended"
    status=1
fi
if [ "$status" -ne 0 ]; then
    echo "what cribd logged:"
    tail -n 50 "$dir/log"
fi
exit "$status"
