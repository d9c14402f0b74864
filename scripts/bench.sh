#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# bench.sh [all|cluster|limits|daemon|node] - measure crib beside others, all in turn in one run
#
# `all` (nothing said) writes docs/benchmarks.md with its plots; the others only print. Every sandbox is
# asked for the same walls as far as it has them; the page has the flags, and what differs. What is not
# installed, or does not start here, is named as not measured.
#
# CRIB_BENCH_OUT=DIR    write there instead of to docs/
# CRIB_BENCH_QUICK=1    few rounds: only to see that all of it runs
# CRIB_BENCH_BUILD=DIR  measure this build as it is; nothing is installed or built
set -euo pipefail
cd "$(dirname "$0")/.."

what=${1:-all}
out=${CRIB_BENCH_OUT:-docs}
build=${CRIB_BENCH_BUILD:-}
if [ -z "$build" ]; then
    scripts/install-deps.sh --bench || echo "==> going on without what is missing"
    scripts/build.sh release crib_cli cribd bench_true bench_first bench_use bench_child bench_filter bench_start \
        bench_load bench_embed bench_crowd bench_message bench_stream bench_limits bench_daemon bench_ask bench_cluster crib_stub
    build=build/release
fi
build=$(cd "$build" && pwd)
bin=$build/tests/bench
crib=$build/executor/cli/crib cribd=$build/executor/daemon/cribd
dir=$(mktemp -d "$build/bench-XXXXXX") # not below /tmp, which the others hide
run=$(mktemp -d)                      # a short name, for sockets
daemons=()
failed=0
trap '[ ${#daemons[@]} -eq 0 ] || kill "${daemons[@]}" 2>/dev/null || :; wait; rm -rf "$dir" "$run"' EXIT
chmod 755 "$dir" "$run"
cp "$bin/bench_true" "$dir/true"
cp "$bin/bench_first" "$dir/first"
"$bin/bench_filter" program >"$dir/filter"
facts=$dir/facts
commands=()

# slices rounds messages, turns and levels of load, MiB of a large parent, sleepers, streams
slices=10 rounds=20 messages=400 load=(1000 3 '1,2,4,8,16,32,64') large=4096 crowd=(500 10000) stream=(10 1024)
if [ "${CRIB_BENCH_QUICK:-0}" = 1 ]; then
    slices=1 rounds=3 messages=2 load=(60 1 '1,4,32') large=64 crowd=(10 40) stream=(2 4)
fi

fact() { # KIND NAME TEXT
    printf '%s\t%s\t%s\n' "$1" "$2" "$3" >>"$facts"
}

# contender NAME COMMAND... - one more that programs are started with
contender() {
    local name=$1 told

    shift
    command -v "$1" >/dev/null || {
        absent "$name"
        return
    }
    told=${*//$dir/DIR}
    told=${told//$crib/crib}
    fact flags "$name" "${told//bench-$$/NAME}"
    [ ${#commands[@]} -eq 0 ] || commands+=(:::)
    commands+=("$name" "$@")
}

absent() { # NAME - a row that says so
    echo "$1: not installed, so not measured"
    printf 'From the request to the known end of a program\t%s\tmicroseconds\t!not installed\n' "$1" >>"$dir/data"
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


# daemon NAME CONFIG - a cribd of our own; sets `address`, to `-` where it does not start
daemon() {
    local socket=$run/$1

    "$cribd" --socket "$socket" --config "$2" 2>"$dir/$1.log" &
    daemons+=($!)
    for _ in $(seq 100); do
        [ ! -S "$socket" ] || break
        kill -0 $! 2>/dev/null || break
        sleep 0.05
    done
    address=unix:$socket
    [ -S "$socket" ] && kill -0 $! 2>/dev/null && return
    echo "cribd, $1: does not start here, so not measured"
    address=-
}

version() { # NAME COMMAND... - the first line that it prints
    local name=$1

    shift
    command -v "$1" >/dev/null || return 0
    fact version "$name" "$("$@" 2>&1 | head -n 1)"
}

machine() {
    fact machine processor "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) of them"
    fact machine memory "$(awk '/^MemTotal/ { printf "%.1f GiB", $2 / 1048576 }' /proc/meminfo)"
    fact machine kernel "$(uname -srm)"
    fact machine system "$(sed -n 's/^PRETTY_NAME="\(.*\)"/\1/p' /etc/os-release)"
    fact machine cgroups "$(awk '$3 ~ /^cgroup/ { print $3 }' /proc/mounts | sort -u | paste -sd+ | sed 's/^cgroup+cgroup2$/version 1 and 2 (hybrid)/; s/^cgroup2$/version 2/; s/^cgroup$/version 1/')"
    fact machine mounts "$(wc -l </proc/mounts)"
    fact machine user "$([ "$(id -u)" = 0 ] && echo root || echo "an ordinary user")"
    [ "${CRIB_BENCH_QUICK:-0}" != 1 ] || fact machine "**quick**" "few rounds: these are no figures"
    fact machine day "$(date -u +%Y-%m-%d)"
    fact version crib "$("$crib" version | head -n 1)$(git rev-parse --short HEAD 2>/dev/null | sed 's/^/, commit /')"
    version compiler "${CC:-cc}" --version
    version libc ldd --version
    version bubblewrap bwrap --version
    version firejail firejail --version
    version runc runc --version
    version crun crun --version
    version Node node --version
}

bwrap_walls() { # PROGRAM of $dir - sets `bwrap`
    local root=()

    mapfile -t root < <(links)
    bwrap=(bubblewrap bwrap --unshare-all --unshare-user --die-with-parent --new-session --cap-drop ALL --clearenv
        --ro-bind /usr /usr "${root[@]}" --proc /proc --dev /dev --tmpfs /tmp
        --ro-bind "$dir/$1" "/bench/$1" --chdir /tmp --seccomp 9 "/bench/$1")
}

walls() {
    local firejail

    contender "crib run" "$crib" run "$dir/true"
    bwrap_walls true
    contender "${bwrap[@]}"
    fact differs bubblewrap "Fd 9 is the program of crib's own filter, without its listener: a refused call is not told of. \
No part of /etc, no synthesised passwd; no Landlock; no limits. As root the task keeps the caller's number."
    firejail=(firejail --quiet --noprofile --private-dev --private-tmp --net=none --ipc-namespace
        --hostname=bench --caps.drop=all --nonewprivs --seccomp)
    [ "$(id -u)" = 0 ] || firejail+=(--noroot)
    contender firejail "${firejail[@]}" "$dir/true"
    fact differs firejail "Its own list of refused calls, for it takes no list of allowed ones that is as long; the host's root \
with parts hidden instead of a new one; as root no user namespace; no cgroup namespace."
    bundle
    contender runc runc --root "$dir/runc" run --bundle "$dir/bundle" "bench-$$"
    fact differs runc "An OCI bundle with the same namespaces, mounts, no capabilities and the names of the filter's calls, \
without conditions on arguments; a cgroup of its own for each, which crib makes only for limits."
    fact differs "crib run" "Policy default."
}

# crun refuses hybrid cgroups; it is shown a host without version 2 then, and measured there in the same slice.
crun_row() {
    local start=("$bin/bench_start" result "$rounds" "$dir/true" "$dir/filter" - - crun crun --root "$dir/crun" run
        --bundle "$dir/bundle" "crun-$$")

    command -v crun >/dev/null || return 0
    : >"$dir/crun.data"
    if [ "$(id -u)" = 0 ] && mountpoint -q /sys/fs/cgroup/unified; then
        # shellcheck disable=SC2016
        CRIB_BENCH_DATA=$dir/crun.data unshare -m --propagation private \
            sh -c 'umount /sys/fs/cgroup/unified && exec "$@"' sh "${start[@]}" >/dev/null
    else
        CRIB_BENCH_DATA=$dir/crun.data "${start[@]}" >/dev/null
    fi
    grep -P '\tcrun\t' "$dir/crun.data" >>"$CRIB_BENCH_DATA"
}

all() {
    local cold ready rule first=() slice enough

    : >"$facts"
    : >"$dir/data"
    : >"$dir/tables"
    machine
    echo "==> walls"
    walls
    if command -v crun >/dev/null; then
        fact flags crun "crun --root DIR/crun run --bundle DIR/bundle NAME"
        fact differs crun "The bundle of runc. It refuses hybrid cgroups, so it is shown a host without those of version 2 where \
there are both (a mount namespace of its own, made once for all its runs)."
    else
        absent crun
    fi
    command -v node >/dev/null || absent "Node, spawn"
    fact flags "systemd-run" "left out"
    fact differs "systemd-run" "It needs systemd as pid 1, and its time is that of a bus and a unit: no peer for a start."
    rule="rules: [{uids: [$(id -u)], policies: ['*'], widest: '*', binds: write}]"
    echo "$rule" >"$dir/cold.yaml"
    printf '%s\nprepared: 64\n' "$rule" >"$dir/ready.yaml"
    chmod 644 "$dir"/*.yaml
    daemon cold "$dir/cold.yaml"
    cold=$address
    daemon ready "$dir/ready.yaml"
    ready=$address
    if command -v bwrap >/dev/null; then
        bwrap_walls first
        first=("${bwrap[@]}")
        bwrap_walls true
        load+=("$dir/true" "$dir/filter" "$cold" "$ready" "${bwrap[@]}")
    else
        load+=("$dir/true" "$dir/filter" "$cold" "$ready")
    fi
    export CRIB_BENCH_DATA=$dir/data

    for slice in $(seq "$slices"); do
        echo "==> starts, $slice of $slices"
        quietly "$bin/bench_start" result "$rounds" "$dir/true" "$dir/filter" "$cold" "$ready" "${commands[@]}"
        quietly "$bin/bench_start" first "$rounds" "$dir/first" "$dir/filter" "$cold" "$ready" "${first[@]}"
        crun_row
        ! command -v node >/dev/null ||
            quietly node tests/bench/node.js "$rounds" $((slice == slices ? messages * 4 : 0)) "$dir/true"
    done
    echo "==> load"
    quietly "$bin/bench_load" "${load[@]}"
    echo "==> a large parent"
    enough=$(awk -v want="$large" '/^MemAvailable/ { print($2 / 1024 > want * 1.5 ? want : int($2 / 2048)) }' /proc/meminfo)
    quietly "$bin/bench_embed" $((rounds * slices)) 4 "$enough" "$dir/true"
    echo "==> messages and streams"
    quietly "$bin/bench_message" "$messages" "$bin/bench_child"
    quietly "$bin/bench_stream" "${stream[@]}" "$bin/bench_child"
    echo "==> many sleeping tasks"
    quietly "$bin/bench_crowd" "${crowd[@]}" "$bin/bench_use"
    mkdir -p "$out"
    sed -i "s|$dir|DIR|g; s|$build|BUILD|g" "$dir/data"
    python3 tests/bench/report.py "$dir/data" "$facts" "$out"
    cp "$dir/tables" "$build/bench-tables.txt"
    echo "==> $out/benchmarks.md; all tables: ${build#"$PWD/"}/bench-tables.txt"
}

quietly() { # COMMAND... - what it prints goes to a file; shown when it fails
    local from

    from=$(wc -c <"$dir/tables")
    "$@" >>"$dir/tables" 2>&1 && return
    tail -c +$((from + 1)) "$dir/tables" | tail -n 40
    echo "bench.sh: $(basename "$1") failed; what it measures is missing" >&2
    failed=1
}

case $what in
all)
    all
    exit "$failed"
    ;;
cluster)
    cp tests/bench/serve.js "$dir/serve.js"
    mapfile -t wrk < <(command -v wrk)
    "$bin/bench_cluster" 5 3 20000 100 "$bin/bench_ask" "$dir/serve.js" "${wrk[@]}"
    ;;
limits) "$bin/bench_limits" 200 1000 "$dir/true" "$bin/bench_use" ;;
daemon) "$bin/bench_daemon" 200 1024 1000 "$cribd" "$dir/true" "$bin/bench_child" ;;
node) TMPDIR=$dir node tests/bench/client.js 20 "$build/executor/stub/crib-stub" "$cribd" ;;
*)
    echo "bench.sh: say all, cluster, limits, daemon or node" >&2
    exit 1
    ;;
esac
