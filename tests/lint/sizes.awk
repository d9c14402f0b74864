# SPDX-License-Identifier: Apache-2.0
# Counts a function from the first line of its signature to its closing brace. The formatter puts
# both braces in the first column; `= {` of a table is not such a line.

function finish_file() {
    if (lines > 600)
        print last ":601: " lines " lines; split it by noun (files stay under 600, near 150)"
}

FNR == 1 {
    if (last != "")
        finish_file()
    last = FILENAME
    start = 0
    inside = 0
}

{ lines = FNR }

!inside && /^[A-Za-z_].*[^;]$/ && !/^#/ && !start { start = FNR; name = $0 }
!inside && (/^$/ || /^[\/ ]\*/ || /;$/ || /^}/ || /^#/) { start = 0 }

/^{$/ && !inside {
    inside = start ? start : FNR
    next
}

inside && /^}/ {
    size = FNR - inside + 1
    if (size > 70)
        print FILENAME ":" inside ": a function of " size " lines; split it (at most 70)"
    if (FILENAME ~ /^executor\/.*\.c$/)
        count[size]++
    inside = 0
    start = 0
}

END {
    finish_file()
    for (size in count)
        total += count[size]
    for (size = 1; size <= 2000 && seen * 2 < total; size++)
        seen += count[size]
    if (total && size - 1 > 16)
        print "executor:1: the median function has " size - 1 " lines; split the longer ones (at most 16)"
}
