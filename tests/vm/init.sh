#!/bin/busybox sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=dash
# init.sh - process 1 of a guest: makes its file systems, runs the command, switches the machine off
#
# Called twice. As /init of the initrd it puts a tmpfs over the host's files, which are below and
# read-only, and goes there; then it is `init.sh run`. The command, and what belongs to it, is a
# script that guest.sh wrote. Its output goes to one port of the machine, its exit status to another.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH

# The console is shown when no status comes.
fail() {
    echo "init.sh: $*"
    /bin/busybox poweroff -f
}

# port NAME - the device of a port of the machine
port() {
    for entry in /sys/class/virtio-ports/*; do
        [ "$(cat "$entry/name")" = "$1" ] && echo "/dev/${entry##*/}"
    done
}

kernel_files() {
    mount -t proc -o nosuid,nodev,noexec proc /proc
    mount -t sysfs -o nosuid,nodev,noexec sys /sys
    mount -t devtmpfs -o nosuid dev /dev
    mkdir -p /dev/pts /dev/shm /dev/mqueue
    mount -t devpts -o nosuid,noexec,mode=620,ptmxmode=666 devpts /dev/pts
    mount -t tmpfs -o nosuid,nodev tmpfs /dev/shm
    mount -t mqueue -o nosuid,nodev,noexec mqueue /dev/mqueue
    for link in fd: stdin:/0 stdout:/1 stderr:/2; do
        ln -s "/proc/self/fd${link#*:}" "/dev/${link%:*}"
    done
    mount -t securityfs -o nosuid,nodev,noexec securityfs /sys/kernel/security
    mount -t cgroup2 -o nosuid,nodev,noexec,nsdelegate,memory_recursiveprot cgroup2 /sys/fs/cgroup
}

# What the host has, and nothing that would show there.
host_files() {
    mkdir /lower /upper /host
    mount -t virtiofs -o ro host /lower || fail "the host's files cannot be mounted"
    mount -t tmpfs -o mode=0755,size=75% tmpfs /upper
    mkdir /upper/files /upper/work
    mount -t overlay -o lowerdir=/lower,upperdir=/upper/files,workdir=/upper/work overlay /host ||
        fail "nothing can be put over the host's files"
    # An overlay opens with O_NOATIME, which is for the owner: not for an ordinary user's virtiofsd.
    if ! cat /host/etc/passwd >/dev/null 2>&1; then
        umount /host
        mount -o move /lower /host
    fi
    mkdir /below
    mount -o bind /host /below
    for dir in tmp var/tmp; do
        mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "/host/$dir"
    done
    mount -t tmpfs -o mode=0755,nosuid,nodev tmpfs /host/run
    sed -n 's/^# shown //p' /command | while read -r dir; do
        [ ! -d "/host$dir" ] || continue # unless it is where something empty is mounted
        mkdir -p "/host$dir"
        mount -o bind "/below$dir" "/host$dir"
    done
}

if [ "${1:-}" != run ]; then
    /bin/busybox mkdir -p /proc /sys /dev
    /bin/busybox --install -s /bin
    kernel_files
    for module in /modules/*; do
        insmod "$module" || fail "$module cannot be loaded"
    done
    host_files
    mkdir /host/run/guest
    cp /bin/busybox /init /command /host/run/guest/
    for dir in proc sys dev; do
        mount -o move "/$dir" "/host/$dir"
    done
    exec switch_root /host /run/guest/busybox sh /run/guest/init run
fi

ip link set lo up
hostname guest
# So that modprobe finds the rest.
modules=$(sed -n 's/^# modules //p' /run/guest/command)
mkdir -p /lib/modules 2>/dev/null
# Not a mount, if it can be helped: what shows /usr would have it too.
ln -s "$modules/$(uname -r)" /lib/modules/ 2>/dev/null ||
    [ ! -d /lib/modules ] || mount -o bind "$modules" /lib/modules
setsid bash /run/guest/command </dev/null >"$(port output)" 2>&1
echo $? >"$(port status)"
/run/guest/busybox poweroff -f
