#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# generate.sh DIR - lay the package out in DIR/src/crib, with DIR/src/crib/proto made from ../../proto
#
# DIR is then an entry of GOPATH. The code is made for containerd's ttrpc by protoc-gen-gogottrpc.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
proto=$here/../../proto
to=${1:?usage: generate.sh DIR}/src/crib
map=plugins=ttrpc,import_path=crib/proto
for name in policy task channel cluster primary executor; do
    map=$map,M$name.proto=crib/proto
done
mkdir -p "$to/proto"
cp "$here"/*.go "$to/"
${PROTOC:-protoc} -I"$proto" --gogottrpc_out="$map:$to/proto" \
    "$proto/policy.proto" "$proto/task.proto" "$proto/channel.proto" \
    "$proto/cluster.proto" "$proto/primary.proto" "$proto/executor.proto"
