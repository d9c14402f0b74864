#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The units of packaging/: no setting that would break every sandbox, those there that a daemon of
# sandboxes needs, and, where systemd is installed, nothing that it would not understand.
. "$(dirname "$0")/files.sh"

services=$(files 'packaging/*.service')
sockets=$(files 'packaging/*.socket')
some "$services"
some "$sockets"

# Each would make proc impossible inside, forbid namespaces, hide what clients name, or put a filter
# over every task.
breaking='ProtectKernelTunables|ProtectKernelLogs|ProtectKernelModules|ProtectControlGroups|ProcSubset
|ProtectProc|RestrictNamespaces|PrivateTmp|PrivateDevices|PrivateUsers|PrivateNetwork|ProtectHome
|SystemCallFilter|SystemCallArchitectures|RestrictAddressFamilies|RestrictRealtime|RestrictSUIDSGID
|LockPersonality|MemoryDenyWriteExecute|ProtectHostname|ProtectClock|UMask|DynamicUser|RootDirectory'
breaking=$(printf %s "$breaking" | tr -d '\n')

# setting FILE LINE... - complains of each line that is not there
setting() {
    file=$1
    shift
    for line; do
        grep -Eq "^$line\$" "$file" || echo "$file:1: no line $line; docs/daemon.md says what it is for"
    done
}

check_text() {
    for file in $services; do
        grep -nE "^($breaking)=" "$file" |
            sed "s,^\([0-9]*\):\([A-Za-z]*\)=.*,$file:\1: \2= breaks sandboxes; leave it out,"
        grep -nE '^ProtectSystem=strict' "$file" |
            sed "s,^\([0-9]*\):.*,$file:\1: ProtectSystem=strict makes clients' binds read-only; say full,"
        setting "$file" Type=notify KillMode=mixed Delegate=yes OOMPolicy=continue \
            NoNewPrivileges=yes 'LimitNOFILE=[0-9]+' 'ExecStart=/usr/bin/cribd.*'
        case $file in
        */user/*) ;;
        *) setting "$file" 'CapabilityBoundingSet=CAP_SYS_ADMIN CAP_SETUID CAP_SETGID CAP_KILL' \
            DevicePolicy=closed ProtectSystem=full ;;
        esac
    done
    for file in $sockets; do
        case $file in
        */user/*) setting "$file" 'ListenStream=%t/crib\.sock' SocketMode=0600 ;;
        *) setting "$file" 'ListenStream=/run/crib\.sock' SocketMode=0660 SocketGroup=crib ;;
        esac
    done
}

# systemd-analyze says of a line that it ignores it, and ends with 0. The program need not be there.
check_folder() {
    folder=$1
    shift
    for file in $(printf '%s\n' "$services" "$sockets" | grep "^$folder/[^/]*\$"); do
        sed 's,^ExecStart=[^ ]*,ExecStart=/bin/true,' "$file" > "$work/$(basename "$file")"
    done
    # shellcheck disable=SC2046
    XDG_RUNTIME_DIR=$work systemd-analyze "$@" verify $(find "$work" -name 'cribd.*') 2>&1 |
        sed -n "s,^$work/\([^:]*\):\([0-9]*\): \(.*\),$folder/\1:\2: systemd says: \3,p"
    rm -f "$work"/cribd.*
}

out=$(check_text)
if [ -z "$out" ] && command -v systemd-analyze > /dev/null; then
    work=$(mktemp -d "${TMPDIR:-/tmp}/lint-units-XXXXXX") || exit 2
    trap 'rm -rf "$work"' EXIT
    out=$(
        check_folder packaging
        check_folder packaging/user --user
    )
fi
report "$out"
