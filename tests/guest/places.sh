#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Where crib makes groups, and what it says where it cannot: version 2 gives controllers only to groups
# below one that has no processes of its own.
set -eu

slice=$CRIB_GUEST_SLICE/places
here=$(pwd)
echo 'extends: [default]
limits: {memory: 64M}' >rules.yaml
failed=0 others=

wrong() {
    echo "places.sh: $*"
    cat said
    failed=1
}

# given GROUP OWNER - a group with controllers for those below it, as Delegate=yes leaves it
given() {
    mkdir "$1"
    echo '+memory +pids +cpu' >"$1/cgroup.subtree_control"
    chown "$2" "$1" "$1/cgroup.procs" "$1/cgroup.threads" "$1/cgroup.subtree_control"
}

# limited GROUP ID - a limited task started from that group; its words are in `said`
limited() {
    # shellcheck disable=SC2016
    sh -c 'echo $$ >"$1/cgroup.procs" && exec setpriv --reuid "$2" --regid "$2" --clear-groups \
        ./crib run -p ./rules.yaml cat /proc/self/cgroup' - "$1" "$2" >said 2>&1
}

# occupied GROUP - puts somebody there
occupied() {
    sleep 1000 &
    echo $! >"$1/cgroup.procs"
    others="$others $!"
}

runs() {
    if ! limited "$2" "$3"; then wrong "$1: it did not run"; fi
    [ "$(cat said)" = 0::/ ] || wrong "$1: it is in another group"
}

refuses() {
    if limited "$2" "$3"; then wrong "$1: it ran"; fi
    grep -q "$4" said || wrong "$1: it does not say '$4'"
}

chmod 0777 "$here"
mkdir "$slice"
echo '+memory +pids +cpu' >"$slice/cgroup.subtree_control"

mkdir "$slice/alone"
runs 'a group of its own' "$slice/alone" 0

mkdir "$slice/crowded"
occupied "$slice/crowded"
runs 'with others, and root may make one beside' "$slice/crowded" 0

mkdir "$slice/tight" "$slice/tight/crowded"
occupied "$slice/tight/crowded"
refuses 'with others, and nothing is given above' "$slice/tight/crowded" 0 'Delegate=yes'

given "$slice/user" 1000:1000
mkdir "$slice/user/shell"
chown -R 1000:1000 "$slice/user/shell"
occupied "$slice/user/shell"
runs 'with others, below a delegated group' "$slice/user/shell" 1000

mkdir "$slice/roots"
refuses 'a group that is not ours' "$slice/roots" 1000 'Delegate=yes'

# Not of groups, but of the same kernel: no user namespaces, without which there is no sandbox.
echo 0 >/proc/sys/user/max_user_namespaces
refuses 'no user namespaces' "$slice/roots" 1000 'max_user_namespaces'
echo 10000 >/proc/sys/user/max_user_namespaces

# shellcheck disable=SC2086
kill $others
exit $failed
