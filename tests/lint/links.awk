# SPDX-License-Identifier: Apache-2.0
# Read in this order: the list of files, every page (for its headings), every page again (for its
# links), and the sources.

function slug(s) {
    s = tolower(s)
    sub(/^#+ */, "", s)
    gsub(/[^a-z0-9 _-]/, "", s)
    gsub(/ /, "-", s)
    return s
}

# `a/b/../c` -> `a/c`
function straight(path,    part, n, i, out, depth) {
    n = split(path, part, "/")
    depth = 0
    for (i = 1; i <= n; i++) {
        if (part[i] == "" || part[i] == ".")
            continue
        if (part[i] == "..")
            depth--
        else
            out[++depth] = part[i]
    }
    path = ""
    for (i = 1; i <= depth; i++)
        path = path (i > 1 ? "/" : "") out[i]
    return path
}

function folder_of(path) {
    return path ~ /\// ? substr(path, 1, match(path, /\/[^\/]*$/)) : ""
}

function link(target,    hash, page, anchor) {
    if (target ~ /^(https?|mailto):/)
        return
    hash = index(target, "#")
    anchor = hash ? substr(target, hash + 1) : ""
    page = hash ? substr(target, 1, hash - 1) : target
    page = page == "" ? FILENAME : straight(folder_of(FILENAME) page)
    if (!(page in there))
        print FILENAME ":" FNR ": link to " target ", which is not there; mend the path"
    else if (anchor != "" && !((page, anchor) in heading))
        print FILENAME ":" FNR ": " page " has no heading for #" anchor "; mend the anchor"
}

# A path in backticks that starts in a folder of this project. Words in capitals stand for others.
function path(text) {
    if (text !~ /^(executor|docs|tests|proto|policies|examples|scripts|cmake)\/[A-Za-z0-9_.\/*-]*$/)
        return
    if (text ~ /[A-Z][A-Z]/ && text !~ /(CMakeLists\.txt|README\.md)$/)
        return
    sub(/\/$/, "", text)
    if (text ~ /\*/ ? !matches(text) : !(text in there))
        print FILENAME ":" FNR ": `" text "` is not there; mend the path"
}

function matches(glob,    name) {
    gsub(/\./, "\\.", glob)
    gsub(/\*/, ".*", glob)
    for (name in there)
        if (name ~ "^" glob "$")
            return 1
    return 0
}

FNR == 1 {
    files++
    seen[FILENAME]++
    fenced = 0
}

files == 1 {
    there[$0] = 1
    for (name = $0; sub(/\/[^\/]*$/, "", name); )
        there[name] = 1
    next
}

/^ *```/ { fenced = !fenced; next }

FILENAME ~ /\.md$/ && seen[FILENAME] == 1 {
    if (/^#/ && !fenced)
        heading[FILENAME, slug($0)] = 1
    next
}

FILENAME ~ /\.md$/ && !fenced {
    text = $0
    while (match(text, /\]\([^)]*\)/)) {
        target = substr(text, RSTART + 2, RLENGTH - 3)
        text = substr(text, RSTART + RLENGTH)
        link(target)
    }
    n = split($0, tick, "`")
    for (i = 2; i < n; i += 2)
        path(tick[i])
    next
}

FILENAME !~ /\.md$/ {
    text = $0
    while (match(text, /(docs|tests|examples)\/[A-Za-z0-9_\/-]*\.md/)) {
        name = substr(text, RSTART, RLENGTH)
        if (!(name in there))
            print FILENAME ":" FNR ": names " name ", which is not there; mend the path"
        text = substr(text, RSTART + RLENGTH)
    }
}
