#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# machine.sh KERNEL INITRD MEMORY CPUS SECONDS CONSOLE WORDS - the machine of guest.sh
#
# Process 1 of a pid namespace, in a mount namespace where everything is made read-only first, for
# the program that shows the host's files to the guest has no such mode itself; a tmpfs at /run,
# which nobody else sees, holds the rest. The command is in CRIB_VM_COMMAND.
set -euo pipefail
kernel=$1 initrd=$2 memory=$3 cpus=$4 seconds=$5 console=$6 words=$7
export -n CRIB_VM_COMMAND
virtiofsd=/usr/lib/qemu/virtiofsd

fail() {
    echo "guest.sh: $*" >&2
    exit 125
}

[ -x $virtiofsd ] || fail "$virtiofsd is missing: scripts/install-deps.sh"
# mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, {MOUNT_ATTR_RDONLY}): mount(8) of Debian 12 cannot yet
perl -e '$root = "/"; $set = pack("Q4", 1, 0, 0, 0);
         exit(syscall(442, -100, $root, 0x8000, $set, 32) != 0)' ||
    fail "the host's files cannot be made read-only for the guest"
mount -t tmpfs -o mode=0700 tmpfs /run
cd /run
printf '%s\n' "$CRIB_VM_COMMAND" >./command
{ # the kernel unpacks one after the other
    echo command | cpio -o -H newc --quiet
    cat "$initrd"
} >files

quiet=quiet
[ "$console" != show ] || quiet=
ulimit -n "$(ulimit -H -n)" # each file that the guest knows is one
$virtiofsd --socket-path=/run/share --rlimit-nofile=0 -o source=/ -o sandbox=chroot \
    -o cache=always --thread-pool-size="$cpus" </dev/null >share.log 2>&1 &
for ((tries = 0; tries < 200; tries++)); do
    [ ! -S share ] || break
    sleep 0.05
done
[ -S share ] || fail "nothing shows the host's files: $(tail -n 3 share.log)"

# Not qemu's stdio: the guest could not write after the end of stdin, and ours would not block.
mkfifo output
cat output &
reader=$!
exec 3>output

status=0
timeout --kill-after=5 "$seconds" qemu-system-x86_64 \
    -machine q35 -accel tcg,thread=multi,tb-size=512 -cpu Nehalem -smp "$cpus" -m "$memory" \
    -object "memory-backend-memfd,id=memory,size=${memory}M,share=on" -numa node,memdev=memory \
    -nodefaults -no-reboot -display none \
    -chardev socket,id=share,path=/run/share -device vhost-user-fs-pci,chardev=share,tag=host \
    -device virtio-serial-pci \
    -chardev file,id=output,path=/run/output -device virtserialport,chardev=output,name=output \
    -chardev file,id=status,path=/run/status -device virtserialport,chardev=status,name=status \
    -serial file:/run/console \
    -kernel "$kernel"/boot/vmlinuz-* -initrd files \
    -append "console=ttyS0 $quiet panic=-1 mitigations=off tsc=reliable$words" \
    </dev/null 2>qemu.log 3>&- || status=$?
exec 3>&-
wait "$reader"

[ "$console" != show ] || cat console >&2
if [ "$status" = 124 ]; then
    echo "guest.sh: stopped after $seconds s; the end of its console:" >&2
    tail -n 5 console >&2
    exit 124
fi
if [ -s status ]; then
    exit "$(cat status)"
fi
tail -n 30 console >&2
tail -n 5 qemu.log share.log >&2
fail "the machine ended before the command did"
