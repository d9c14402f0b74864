#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# generate.sh [DIR] - make DIR/crib/proto/*_pb2.py from ../../proto; DIR: here
#
# protoc names modules after files. So that they land in our package, and so that a program which
# has a `policy.proto` of its own can use both, the files are renamed to crib/proto/… first.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
to=${1:-$here}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir -p "$dir/crib/proto" "$to/crib/proto"
for name in policy task channel ttrpc cluster primary executor; do
    sed 's,^import ",&crib/proto/,' "$here/../../proto/$name.proto" >"$dir/crib/proto/$name.proto"
done
${PROTOC:-protoc} -I"$dir" --python_out="$to" "$dir"/crib/proto/*.proto
echo '"""Made by generate.sh."""' >"$to/crib/proto/__init__.py"
