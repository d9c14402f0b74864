#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# remote.sh self|ordinary|guest CRIBD TEST PROBE DYNAMIC-PROBE - run a test with its tasks under a cribd
# of its own
#
# self: both as the suite's user. ordinary: both as an ordinary one. guest: root's daemon, which lets
# everybody do everything, and an ordinary user's test. They have a directory of their own as in
# apart.sh, and the test finds the daemon by CRIB_TEST_ADDRESS. After the test every task that was
# started must have ended, and the daemon must end in good order when it is told to. Exit status: the
# test's; 1 when the daemon is at fault; 77 when there is nothing to do, since we are ordinary already.
set -eu

who=$1 cribd=$2
shift 2
root=$([ "$(id -u)" = 0 ] && echo yes || echo no)
[ "$who" = self ] || [ "$root" = yes ] || exit 77
dir=$(mktemp -d "${TMPDIR:-/tmp}/crib-apart-XXXXXX")
pid=
trap '[ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null; rm -rf "$dir"' EXIT
chmod 0755 "$dir"
for file in "$cribd" "$@"; do
    cp "$file" "$dir/"
done
mkdir -m 0777 "$dir/tmp"
mkdir -m 0755 "$dir/run"
as='' daemon_as='' site=''
[ "$who" = self ] || as="setpriv --reuid 1000 --regid 1000 --clear-groups"
if [ "$who" = ordinary ]; then
    daemon_as=$as
    chown 1000:1000 "$dir/run"
elif [ "$who" = guest ]; then
    echo 'rules: [{policies: ["*"], widest: "*", binds: write}]' >"$dir/site.yaml"
    site="--config $dir/site.yaml"
fi
cd "$dir"
export CRIB_PROBE="$dir/$(basename "$2")" CRIB_PROBE_DYNAMIC="$dir/$(basename "${3:-$2}")"
export TMPDIR="$dir/tmp" HOME="$dir/tmp" CRIB_TEST_ADDRESS="unix:$dir/run/sock"

# soon WHAT... - runs it until it succeeds, or half a minute is over
soon() {
    tries=0
    until "$@"; do
        tries=$((tries + 1))
        [ $tries -lt 600 ] || return 1
        kill -0 "$pid" 2>/dev/null || return 1
        sleep 0.05
    done
}

blame() {
    echo "remote.sh: cribd $1; its log:" >&2
    tail -n 40 "$dir/log" >&2
    exit 1
}

events() {
    grep -c "\"event\":\"$1\"" "$dir/log" || true
}

all_ended() {
    [ "$(events spawn)" = "$(events end)" ]
}

# shellcheck disable=SC2086
$daemon_as "$dir/$(basename "$cribd")" --socket "$dir/run/sock" $site 2>"$dir/log" &
pid=$!
soon test -S "$dir/run/sock" || blame "does not listen"
status=0
$as "$dir/$(basename "$1")" || status=$?
soon all_ended || blame "has tasks left, or is gone"
kill -TERM "$pid"
ended=0
wait "$pid" || ended=$?
pid=
[ $ended = 0 ] || blame "ended with status $ended"
exit $status
