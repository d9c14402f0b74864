# SPDX-License-Identifier: Apache-2.0
# Read by every lint with `.`: where the project is (first argument of the lint), which files it
# has, and how a lint ends. Defines $here, files, report.
#
# A lint prints `file:line: what is wrong; how to mend it` for each finding and ends with 1 when
# there was any, with 2 when it could not look.

set -u
LC_ALL=C
export LC_ALL
here=$(cd "$(dirname "$0")" && pwd) || exit 2
cd "${1:?usage: $0 SOURCE_DIR}" || exit 2

listing() {
    found=$(git ls-files --cached --others --exclude-standard 2>/dev/null)
    if [ -n "$found" ]; then
        printf '%s\n' "$found"
    else # not a clone, or one of somebody else
        find . \( -name .git -o -path ./build -o -path ./.cache \) -prune -o -type f -print |
            sed 's,^\./,,'
    fi
}

# files PATTERN... - the project's files that match one of the patterns (`*` matches `/` too)
files() {
    listing | sort -u | while IFS= read -r file; do
        case $file in tests/lint/bad/*) continue ;; esac
        [ -f "$file" ] || continue
        for pattern; do
            # shellcheck disable=SC2254
            case $file in $pattern) printf '%s\n' "$file" && break ;; esac
        done
    done
}

# some LIST - ends the lint when there is nothing to look at: a lint that looks at nothing proves nothing
some() {
    [ -n "$1" ] && return
    echo "$0: found no file to look at in $(pwd)"
    exit 2
}

# report FINDINGS - prints them and ends the lint
report() {
    [ -z "$1" ] && exit 0
    printf '%s\n' "$1"
    exit 1
}
