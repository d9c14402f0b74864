#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# bench.sh [ROUNDS] - measure starts, messages, streams, limits and clusters beside others, in one run
#
# Every sandbox is asked for the same walls as far as it has them: new user, pid, mount, network,
# ipc, uts and cgroup namespaces, a root with a read-only /usr, private /proc, /dev and /tmp, no
# capabilities, no new privileges, the system calls of crib's default policy. The flags are printed.
# What is not installed, or does not start here, is reported as not measured.
set -euo pipefail
cd "$(dirname "$0")/.."

rounds=${1:-200}
scripts/install-deps.sh --bench || echo "==> going on without what is missing"
scripts/build.sh release crib_cli bench_start bench_message bench_stream bench_filter \
    bench_limits bench_use cribd crib_stub bench_daemon bench_ask bench_cluster
bin=$PWD/build/release/tests/bench
crib=$PWD/build/release/executor/cli/crib
dir=$(mktemp -d "$PWD/build/release/bench-XXXXXX") # not below /tmp, which the others hide
trap 'rm -rf "$dir"' EXIT
chmod 755 "$dir"
cp "$bin/bench_true" "$dir/true"
"$bin/bench_filter" program >"$dir/filter"
commands=()

# contender NAME COMMAND... - one more row of the table
contender() {
    local name=$1

    shift
    if ! command -v "$1" >/dev/null; then
        echo "$name: not installed, so not measured"
        return
    fi
    printf '%s: %s\n' "$name" "${*//$dir/\$dir}"
    [ ${#commands[@]} -eq 0 ] || commands+=(:::)
    commands+=("$name" "$@")
}

links() { # how the host has /bin, /lib and /lib64, as bubblewrap takes it
    local name

    for name in bin sbin lib lib64; do
        if [ -L "/$name" ]; then
            printf '%s\n' --symlink "$(readlink "/$name")" "/$name"
        elif [ -d "/$name" ]; then
            printf '%s\n' --ro-bind "/$name" "/$name"
        fi
    done
}

bundle() { # for runc: the same walls in its own words
    local ids='' user='"uid":65534,"gid":65534'

    mkdir -p "$dir/bundle/rootfs"/{usr,proc,dev,tmp,bench}
    cp "$dir/true" "$dir/bundle/rootfs/bench/true"
    if [ "$(id -u)" = 0 ]; then
        ids='"uidMappings":[{"containerID":0,"hostID":0,"size":65536}],
             "gidMappings":[{"containerID":0,"hostID":0,"size":65536}],'
    else
        user='"uid":0,"gid":0'
        ids="\"uidMappings\":[{\"containerID\":0,\"hostID\":$(id -u),\"size\":1}],
             \"gidMappings\":[{\"containerID\":0,\"hostID\":$(id -g),\"size\":1}],"
    fi
    cat >"$dir/bundle/config.json" <<END
{"ociVersion": "1.0.2",
 "process": {"user": {$user}, "args": ["/bench/true"], "env": ["PATH=/usr/bin"], "cwd": "/tmp",
   "noNewPrivileges": true,
   "capabilities": {"bounding": [], "effective": [], "permitted": [], "inheritable": [], "ambient": []}},
 "root": {"path": "rootfs", "readonly": true},
 "hostname": "bench",
 "mounts": [
   {"destination": "/proc", "type": "proc", "source": "proc"},
   {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
   {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "nodev"]},
   {"destination": "/usr", "type": "bind", "source": "/usr", "options": ["rbind", "ro", "nosuid", "nodev"]}],
 "linux": {$ids
   "namespaces": [{"type": "user"}, {"type": "pid"}, {"type": "mount"}, {"type": "network"}, {"type": "ipc"},
     {"type": "uts"}, {"type": "cgroup"}],
   "seccomp": {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64"],
     "syscalls": [{"action": "SCMP_ACT_ALLOW", "names": [$("$bin/bench_filter" names | sed 's/.*/"&"/' | paste -sd,)]}]}}}
END
}

echo "==> flags"
mapfile -t root_links < <(links)
contender "crib run (the program)" "$crib" run "$dir/true"
contender bubblewrap bwrap --unshare-all --unshare-user --die-with-parent --new-session --cap-drop ALL \
    --clearenv --ro-bind /usr /usr "${root_links[@]}" --proc /proc --dev /dev --tmpfs /tmp \
    --ro-bind "$dir/true" /bench/true --chdir /tmp --seccomp 9 /bench/true
firejail=(firejail --quiet --noprofile --private-dev --private-tmp --net=none --ipc-namespace
    --hostname=bench --caps.drop=all --nonewprivs --seccomp)
[ "$(id -u)" = 0 ] || firejail+=(--noroot)
contender firejail "${firejail[@]}" "$dir/true"
bundle
contender runc runc --root "$dir/runc" run --bundle "$dir/bundle" "bench-$$"

echo "==> measuring: $rounds rounds; $(uname -sr), $(nproc) processors, $([ "$(id -u)" = 0 ] && echo root || echo an ordinary user)"
"$bin/bench_start" "$rounds" "$dir/true" "$dir/filter" "${commands[@]}"
"$bin/bench_message" "$((rounds * 10))" "$bin/bench_child"
"$bin/bench_stream" 10 256 "$bin/bench_child"
"$bin/bench_limits" "$rounds" 1000 "$dir/true" "$bin/bench_use"
"$bin/bench_daemon" "$rounds" 1024 1000 "$PWD/build/release/executor/daemon/cribd" "$dir/true" "$bin/bench_child"
cp tests/bench/serve.js "$dir/serve.js"
mapfile -t wrk < <(command -v wrk)
"$bin/bench_cluster" 5 3 20000 100 "$bin/bench_ask" "$dir/serve.js" "${wrk[@]}"
if command -v node >/dev/null; then
    TMPDIR=$dir node tests/bench/node.js "$rounds" build/release/executor/stub/crib-stub build/release/executor/daemon/cribd
fi
