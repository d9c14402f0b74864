#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# guest.sh [option...] COMMAND [ARG...] - run a command as root on a machine with a stock kernel
#
#   -k KERNEL    a folder of fetch.sh; without it the one that fetch.sh says
#   -a WORDS     parameters of the kernel, `cgroup_disable=memory`; more than one -a adds up
#   -m MIB       memory; 1024
#   -c CPUS      processors; 2
#   -t SECONDS   the machine is stopped after so long; 300
#   -v           show the console on stderr at the end
#
# The machine is qemu's, in software, so that it runs everywhere: integer code is 4 to 5 times slower
# in it. It has the host's files, all of them, as they are; what it writes stays in its own memory.
# The command starts in the caller's directory with the caller's CRIB_… variables, /tmp and /run
# empty, cgroups of version 2 at /sys/fs/cgroup; modprobe works; there is no network.
# What it writes to stdout and stderr comes out at stdout as it is written.
#
# Needs nothing but the packages of scripts/install-deps.sh as root; as an ordinary user also user
# namespaces, and then the guest sees this user's files as root's, others' as nobody's, and can write
# only to /tmp, /var/tmp, /run and /dev/shm.
# Exit status: the command's; 124 after -t; 125 when the machine did not get to run it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

fail() {
    echo "guest.sh: $*" >&2
    exit 125
}

kernel='' words='' memory=1024 cpus=2 seconds=300 console=''
while getopts k:a:m:c:t:v option; do
    case $option in
    k) kernel=$OPTARG ;;
    a) words="$words $OPTARG" ;;
    m) memory=$OPTARG ;;
    c) cpus=$OPTARG ;;
    t) seconds=$OPTARG ;;
    v) console=show ;;
    *) exit 125 ;;
    esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || fail "which command? The options are in the first lines of this file"
for tool in qemu-system-x86_64 unshare perl; do
    command -v $tool >/dev/null || fail "$tool is missing: scripts/install-deps.sh"
done

[ -n "$kernel" ] || kernel=$("$here/fetch.sh" -n 2>/dev/null || "$here/fetch.sh") || exit 125
kernel=$(cd "$kernel" && pwd) || exit 125
initrd=$("$here/initrd.sh" "$kernel") || exit 125

# What the guest's bash runs; the comments are for init.sh.
command_file() {
    printf '# modules %s\n' "$kernel/lib/modules"
    printf '# shown %s\n' "$(cd "$here/../.." && pwd)" "$PWD"
    printf 'export HOME=/root\n'
    local name
    for name in $(compgen -e CRIB_); do
        printf 'export %s=%q\n' "$name" "${!name}"
    done
    printf 'cd %q || exit 125\n' "$PWD"
    printf '%q ' "$@"
    printf '\n'
}

# In namespaces of its own the machine cannot write to the host, and nothing of it can be left over.
as=()
[ "$(id -u)" = 0 ] || as=(--user --map-root-user)
CRIB_VM_COMMAND=$(command_file "$@") exec unshare "${as[@]}" --mount --pid --fork --kill-child \
    "$here/machine.sh" "$kernel" "$initrd" "$memory" "$cpus" "$seconds" "$console" "$words"
