#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# inside.sh LIST [REGEX] - in the guest: run what LIST names, each in a cgroup of its own
#
# A line of LIST is `NAME WHO SECONDS PROGRAM [FILE...]`, separated by tabs. PROGRAM runs in a
# directory of its own with copies of the files beside it, as one of
#   root      in a group that is root's
#   user      an ordinary one, in a group that systemd would have made with Delegate=yes
#   stranger  an ordinary one, in a group that is root's
# and is the only process of its group. It must leave no group of a task behind. Tests of every host,
# sandbox_… and ordinary_…, may skip what this kernel does not have: they run elsewhere too. With REGEX
# only the names that match. Before each there is a line `>>> NAME`, after it `<<< NAME STATUS SECONDS`.
set -eu

list=$1 only=${2:-.}
here=$(cd "$(dirname "$0")" && pwd)
top=/sys/fs/cgroup slice=/sys/fs/cgroup/crib.slice
tab=$(printf '\t')

# What is there; a kernel may have been told to do without some.
give_controllers() {
    for controller in cpu cpuset io memory pids; do
        echo +$controller >"$1/cgroup.subtree_control" 2>/dev/null || :
    done
}

delegate() {
    mkdir "$1"
    chown 1000:1000 "$1" "$1/cgroup.procs" "$1/cgroup.threads" "$1/cgroup.subtree_control"
}

# enter GROUP WHO PROGRAM - in a subshell: becomes the program
enter() {
    [ "$2" = root ] || as="setpriv${tab}--reuid=1000${tab}--regid=1000${tab}--clear-groups"
    # shellcheck disable=SC2016,SC2086
    exec timeout -k 5 "$seconds" sh -c 'echo $$ >"$1/cgroup.procs"; shift; exec "$@"' - \
        "$1" ${as:-} "$3"
}

# Groups of tasks that are there still; HOST is where crib puts itself.
left() {
    find "$slice" -mindepth 1 -type d -name 'crib-*' ! -name crib-host
}

remove_group() {
    echo 1 >"$1/cgroup.kill"
    for try in $(seq 100); do
        find "$1" -depth -type d -exec rmdir {} + 2>/dev/null || :
        [ -d "$1" ] || return 0
        sleep 0.05
    done
    echo "inside.sh: $1 cannot be removed after $try tries"
    return 1
}

# lay_out PROGRAM FILE... - a directory that everybody may enter; sets $dir
lay_out() {
    dir=$(mktemp -d /tmp/crib-XXXXXX)
    chmod 0755 "$dir"
    cp "$@" "$dir/" || return 1
    mkdir -m 0777 "$dir/tmp"
    export TMPDIR="$dir/tmp" HOME="$dir/tmp" CRIB_PROBE="$dir/probe" CRIB_PROBE_DYNAMIC="$dir/probe_dynamic"
}

# run NAME WHO PROGRAM - Return: its exit status
run() {
    group=$slice/$1.scope status=0
    if [ "$2" = user ]; then delegate "$group"; else mkdir "$group"; fi
    must_run=${CRIB_TESTS_MUST_RUN:-0}
    case $1 in sandbox_* | ordinary_*) must_run=0 ;; esac
    (cd "$dir" && CRIB_TESTS_MUST_RUN=$must_run && enter "$group" "$2" "$dir/$(basename "$3")") || status=$?
    left=$(left)
    if [ -n "$left" ]; then
        echo "inside.sh: groups are left over: $left"
        status=1
    fi
    remove_group "$group" || status=1
    return "$status"
}

mkdir "$slice"
give_controllers "$top"
give_controllers "$slice"
chmod 0666 /dev/fuse # as udev has it
export CRIB_GUEST="$here" CRIB_GUEST_SLICE="$slice"
IFS=$tab
while read -r name who seconds program files; do
    echo "$name" | grep -Eq "$only" || continue
    began=$(cut -d. -f1 /proc/uptime) status=0
    echo ">>> $name"
    # shellcheck disable=SC2086
    lay_out "$program" $files </dev/null && run "$name" "$who" "$program" </dev/null || status=$?
    rm -rf "$dir"
    printf '\n<<< %s %s %s\n' "$name" "$status" $(($(cut -d. -f1 /proc/uptime) - began))
done <"$list"
