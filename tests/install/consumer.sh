#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs into an empty prefix and uses what is there: through pkg-config, and through find_package.
# Arguments: BUILD_DIR CMAKE CC [FLAG of the sanitizers...]
set -u
build=$1 cmake=$2 cc=$3
shift 3
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT
chmod 755 "$dir" # the task, perhaps another id, reads its module from here
prefix=$dir/prefix

fail() {
    echo "install: $*"
    exit 1
}

quietly() { # COMMAND...
    "$@" > "$dir/log" 2>&1 || {
        cat "$dir/log"
        fail "failed: $*"
    }
}

there() { # PATH... below the prefix
    for path; do
        [ -e "$prefix/$path" ] || fail "$path is not installed"
    done
}

echo "install into an empty prefix"
quietly "$cmake" --install "$build" --prefix "$prefix"
pc=$(find "$prefix" -name crib.pc)
[ -n "$pc" ] || fail "crib.pc is not installed"
lib=$(cd "$(dirname "$pc")/.." && pwd)
libdir=${lib#"$prefix/"}
there bin/crib bin/cribd libexec/crib/crib-compiler share/crib/packaging/cribd.service share/crib/proto/executor.proto libexec/crib/crib-init libexec/crib/crib-stub "$libdir/libcrib.so" "$libdir/libcrib-child.so" \
    "$libdir/libcrib-child.a" "$libdir/pkgconfig/crib-child.pc" share/crib/policies/default.yaml \
    share/doc/crib/README.md include/crib/crib.h include/crib/child.h include/crib/policy.h \
    include/crib/cluster.h include/crib/error.h
headers=$(cd "$prefix/include" && find . -type f | wc -l)
[ "$headers" -eq 5 ] || fail "$headers headers are installed, not the five public ones"
grep -rIl "$dir" "$prefix" | grep . && fail "the prefix is written into these files; they cannot be moved"

echo "the installed command runs a task"
said=$("$prefix/bin/crib" exec 'echo from inside') || fail "crib exec ended with $?"
[ "$said" = "from inside" ] || fail "crib exec said: $said"

echo "moved elsewhere, built through pkg-config"
mv "$prefix" "$dir/moved"
prefix=$dir/moved lib=$dir/moved/$libdir
PKG_CONFIG_PATH=$lib/pkgconfig
LD_LIBRARY_PATH=$lib
export PKG_CONFIG_PATH LD_LIBRARY_PATH
[ "$(pkg-config --modversion crib)" = "$(pkg-config --modversion crib-child)" ] ||
    fail "crib.pc and crib-child.pc have different versions"
# shellcheck disable=SC2046
quietly "$cc" -Wall -Werror "$@" -o "$dir/spawner" "$here/consumer/spawner.c" \
    $(pkg-config --cflags --libs crib)
# shellcheck disable=SC2046
quietly "$cc" -Wall -Werror "$@" -o "$dir/answerer" "$here/consumer/answerer.c" \
    $(pkg-config --cflags --libs crib-child)
"$dir/spawner" "$dir/answerer" || fail "the program built through pkg-config ended with $?"

echo "the first program of README.md"
awk '/^```c$/ && !n++ { inside = 1; next } /^```/ { inside = 0 } inside' \
    "$prefix/share/doc/crib/README.md" > "$dir/readme.c"
# shellcheck disable=SC2046
quietly "$cc" -Wall -Werror "$@" -o "$dir/readme" "$dir/readme.c" $(pkg-config --cflags --libs crib)
said=$("$dir/readme") || fail "it ended with $?"
case $said in *"load average"*) ;; *) fail "it should show what uptime says, and said: $said" ;; esac

echo "built through find_package"
quietly "$cmake" -S "$here/consumer" -B "$dir/build" -DCMAKE_PREFIX_PATH="$prefix" \
    -DCMAKE_C_COMPILER="$cc" -DCMAKE_C_FLAGS="-Wall -Werror $*"
quietly "$cmake" --build "$dir/build"
"$dir/build/spawner" "$dir/build/answerer" ||
    fail "the program built through find_package ended with $?"
ldd "$dir/build/answerer_shared" | grep -q libcrib-child.so ||
    fail "crib::child_shared does not link the shared library"
