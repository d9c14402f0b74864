#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What `crib doctor` says of a stock kernel in a group of its own: every limit of the whole task can be
# enforced, by cgroups of version 2, and the exit status follows the lines.
set -eu

limits='limits: {memory: 64M, pids: 20, cpus: 0.5, cpuset: "0"}'
group=/sys/fs/cgroup$(sed 's/^0:://' /proc/self/cgroup)
failed=0

wrong() {
    echo "doctor.sh: $*"
    cat tmp/said
    failed=1
}

# doctor WORD RULES - from a group with nobody else in it; its words are in tmp/said. Sets status
doctor() {
    printf '%s\n' "$2" >"tmp/$1.yaml"
    status=0
    mkdir "$group/$1"
    # shellcheck disable=SC2016
    sh -c 'echo $$ >"$1/cgroup.procs" && exec ./crib doctor --policy "./tmp/$2.yaml"' - \
        "$group/$1" "$1" >tmp/said 2>&1 || status=$?
    for name in memory pids cpu cpuset; do
        grep -Eq "^ok +cgroup\\.$name .*version 2, below $group/$1\$" tmp/said ||
            wrong "$1: cgroup.$name is not ok by version 2 there"
    done
}

# This shell goes below too, so that the group may give what it has.
mkdir "$group/shell"
echo $$ >"$group/shell/cgroup.procs"
for controller in memory pids cpu cpuset io; do
    echo +$controller >"$group/cgroup.subtree_control"
done

doctor held "extends: [default]
landlock: off
$limits"
[ "$status" = 0 ] || wrong "held: status $status"

# Landlock of an older kernel knows less, which is a line and a status.
doctor all "extends: [default]
$limits"
short=0
! grep -Eq '^(limited|missing) +policy\.' tmp/said || short=1
[ "$status" = "$short" ] || wrong "all: status $status"
! grep -E '^(limited|missing) +policy\.' tmp/said | grep -v ' policy\.landlock ' ||
    wrong "all: more than Landlock falls short"
exit $failed
