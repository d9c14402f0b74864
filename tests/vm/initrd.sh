#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# initrd.sh KERNEL - have the first root file system of a guest with that kernel, and print its path
#
# KERNEL is a folder of fetch.sh; the file lies in it, and is made anew when something in it is newer.
# It holds busybox, init.sh and the modules without which nothing of the host can be seen.
# Exit status: 0; 1 when a tool or a module is missing.
set -eu

kernel=${1:?usage: initrd.sh KERNEL}
here=$(cd "$(dirname "$0")" && pwd)
initrd=$kernel/initrd
PATH=$PATH:/sbin:/usr/sbin
for tool in busybox cpio gzip modprobe; do
    command -v $tool >/dev/null && continue
    echo "initrd.sh: $tool is missing: scripts/install-deps.sh" >&2
    exit 1
done
version=$(ls "$kernel/lib/modules")
busybox=$(command -v busybox)

if [ -e "$initrd" ] && [ -z "$(find "$0" "$here/init.sh" "$busybox" -newer "$initrd")" ]; then
    echo "$initrd"
    exit 0
fi

work=$(mktemp -d "$kernel/initrd-XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/bin" "$work/modules"
cp "$busybox" "$work/bin/busybox"
# What it is linked with, where it is not the static one: two packages have it, and exclude each other.
ldd "$busybox" 2>/dev/null | grep -o '/[^ ]*' | while read -r library; do
    mkdir -p "$work$(dirname "$library")"
    cp "$library" "$work$library"
done
cp "$here/init.sh" "$work/init"
chmod 0755 "$work/init"

# As `insmod PATH`, what a module needs first; what the kernel has built in is no file.
number=100
modprobe -d "$kernel" -S "$version" --show-depends -a \
    virtio_pci virtio_console virtiofs overlay >"$work/list"
awk '$1 == "insmod" && !seen[$2]++ { print $2 }' "$work/list" >"$work/order"
rm "$work/list"
while read -r module; do
    number=$((number + 1))
    name=$number-$(basename "$module" | sed 's/\.ko.*//').ko
    case $module in
    *.xz) xz -dc "$module" ;;
    *.zst) zstd -qdc "$module" ;;
    *) cat "$module" ;;
    esac >"$work/modules/$name"
done <"$work/order"
rm "$work/order"

(cd "$work" && find . | cpio -o -H newc --quiet | gzip -1) >"$work.gz"
mv "$work.gz" "$initrd"
echo "$initrd"
