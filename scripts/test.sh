#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# test.sh [--long] [--quick] - build everything and run every test, then again under ASan and UBSan
#
# As root the tests that start sandboxes also run as an ordinary id (the tests named ordinary/...).
# CRIB_TESTS_JOBS is how many run at once.
# --long runs the long races in full; --quick leaves out the sanitizers. The last line is
# `N passed, N failed`, over all runs. Exit status: 0; 1 when any failed or could not be built.
set -euo pipefail
cd "$(dirname "$0")/.."

presets="dev asan"
jobs=${CRIB_TESTS_JOBS:-$(($(nproc) + 1))} # many wait more than they compute
for option; do
    case $option in
    --long) export CRIB_TESTS_LONG=1 ;;
    --quick) presets=dev ;;
    *)
        echo "test.sh: unknown option '$option'" >&2
        exit 1
        ;;
    esac
done

passed=0 failed=0 skipped=0

# What ctest ran is what counts: its own list, not its exit status.
count() {
    local log=$1 preset=$2 ok bad none

    ok=$(grep -cE '^ *[0-9]+/[0-9]+ Test +#.* Passed +' "$log" || true)
    none=$(grep -cE '^ *[0-9]+/[0-9]+ Test +#.*(\*\*\*Skipped|\*\*\*Not Run \(Disabled\))' "$log" || true)
    bad=$(grep -E '^ *[0-9]+/[0-9]+ Test +#' "$log" | grep -cvE ' Passed +|\*\*\*Skipped|Disabled' || true)
    if [ "$((ok + bad))" -eq 0 ]; then
        echo "test.sh: no test ran in build/$preset" >&2
        bad=1
    fi
    passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + none))
}

run() {
    local preset=$1 log=build/$1/ctest.log

    shift
    ctest --test-dir "build/$preset" --output-on-failure --no-tests=error "$@" 2>&1 |
        tee -a "$log" | grep --line-buffered -vE \
            '^ +Start |^Internal ctest|^Test project|^Label Time|sec\*proc' || true
    # A skip inside a test program does not show in ctest's list: tell of each once.
    grep -hE '^skipped: ' "build/$preset/Testing/Temporary/LastTest.log" 2>/dev/null | sort -u |
        sed 's/^/    /' || true
}

# Those that start no sandbox only compute. Of the others CMakeLists.txt says which run alone.
suite() {
    local preset=$1

    echo "==> testing build/$preset$([ "$(id -u)" = 0 ] && echo ' (as root, and as an ordinary id)')"
    : >"build/$preset/ctest.log"
    run "$preset" -L '^(unit|lint)$' -j "$(nproc)"
    run "$preset" -LE '^(unit|lint)$' -j "$jobs"
    count "build/$preset/ctest.log" "$preset"
}

for preset in $presets; do
    if scripts/build.sh "$preset"; then
        suite "$preset"
    else
        failed=$((failed + 1))
    fi
done

[ "$skipped" -eq 0 ] || echo "$skipped test programs had nothing to do here"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
