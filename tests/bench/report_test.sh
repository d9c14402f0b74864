#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# report_test.sh SOURCE BUILD - `make bench` in few rounds: it ends well, each aim has its row, what this build has
# is measured, and the plots are SVG with a line for each. Peers may be missing. Exit status: 77 without Python.
set -eu

cd "$1"
if ! command -v python3 >/dev/null; then
    echo "skipped: python3 is not installed: scripts/install-deps.sh"
    [ "${CRIB_TESTS_MUST_RUN:-0}" = 1 ] && exit 1
    exit 77
fi
dir=$(mktemp -d "${TMPDIR:-/tmp}/crib-report-XXXXXX")
trap 'rm -rf "$dir"' EXIT
CRIB_BENCH_QUICK=1 CRIB_BENCH_BUILD=$2 CRIB_BENCH_OUT=$dir scripts/bench.sh all
page=$dir/benchmarks.md
rows=$(sed -n '/^## Aims/,/^!\[/p' "$page" | grep -c '^| .*[≤≥]')
[ "$rows" = 17 ] || {
    echo "there are $rows rows of aims"
    exit 1
}
for name in 'posix_spawn' 'crib, cold' 'crib, cold, all gone' 'cribd, cold' 'crib run' '64 B, crib' 'crib, spawn' 'at most alive'; do
    grep -qE "^\| $name \| [0-9]" "$page" || {
        echo "not measured: $name"
        exit 1
    }
done
! grep -F "$2" "$page" || {
    echo "a path of this machine"
    exit 1
}
python3 - "$dir/benchmarks/latency.svg" "$dir/benchmarks/throughput.svg" <<'END'
import sys
import xml.etree.ElementTree as tree

for path in sys.argv[1:]:
    lines = [line for line in tree.parse(path).iter() if line.tag.endswith("polyline")]
    assert len(lines) >= 3, f"{path}: {len(lines)} lines"
    assert all(len(line.get("points").split()) >= 2 for line in lines), path
END
