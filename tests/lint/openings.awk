# SPDX-License-Identifier: Apache-2.0

function finish_file() {
    if (!licence)
        print last ":1: no SPDX-License-Identifier: Apache-2.0; make it the first line"
    if (last !~ /^(executor|tests)\/.*\.h$/)
        return
    if (!runs)
        print last ":2: the opening comment does not say where this runs; add `Runs in:`"
    if (guard != wanted)
        print last ":1: the guard is " (guard == "" ? "missing" : guard) "; name it " wanted
}

function guard_of(path,    n, part) {
    n = split(path, part, "/")
    path = toupper(part[n - 1] "_" part[n])
    gsub(/[^A-Z0-9]/, "_", path)
    return path
}

FNR == 1 {
    if (last != "")
        finish_file()
    last = FILENAME
    licence = runs = past = 0
    guard = ""
    wanted = guard_of(FILENAME)
}

FNR <= 2 && /SPDX-License-Identifier: Apache-2\.0/ { licence = 1 }
!past && /^ \* Runs in: [a-z]/ { runs = 1 }
/^#ifndef / && guard == "" { guard = $2 }
/^[^\/ #]/ || /^#/ { past = 1 }

END { finish_file() }
