#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every policy says in one line what it is for and is in docs/policy.md; every group opens by saying
# what its calls are for.
. "$(dirname "$0")/files.sh"

policies=$(files 'policies/*.yaml' | grep -v /groups/)
groups=$(files 'policies/groups/*.yaml')
some "$policies"
out=$(
    for file in $policies; do
        name=$(basename "$file" .yaml)
        grep -Eq '^about: *[^ ]' "$file" ||
            echo "$file:1: no \`about:\`; say in one line what the policy is for"
        grep -q "\`$name\`" docs/policy.md ||
            echo "docs/policy.md:1: does not name the shipped policy \`$name\`; describe it"
    done
    for file in $groups; do
        grep -Eq '^(about:|#) *[^ ]' "$file" ||
            echo "$file:1: does not say what its calls are for; open it with that line"
        grep -q "@$(basename "$file" .yaml)" docs/policy.md ||
            echo "docs/policy.md:1: does not name the group \`@$(basename "$file" .yaml)\`; add its row"
    done
)
report "$out"
