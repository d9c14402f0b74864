# SPDX-License-Identifier: Apache-2.0
# First file: docs/architecture.md with its two tables. Then the sources.

function trim(s) {
    gsub(/`/, "", s)
    gsub(/^[ \t]+|[ \t]+$/, "", s)
    return s
}

function say(what) {
    print FILENAME ":" FNR ": " what
}

# | `room/` | runs in | what lives here | may include |
function room_row(cell, n,    room, words, count, i) {
    room = trim(cell[2])
    sub(/\/$/, "", room)
    known[room] = FNR
    count = split(trim(cell[n - 1]), words, /[ ,]+/)
    for (i = 1; i <= count; i++) {
        if (words[i] == "—" || words[i] == "")
            continue
        may[room, words[i]] = 1
        if (words[i] !~ /\// && !(words[i] in known))
            say("`" words[i] "` is no row above `" room "`; a room may include only rooms above it")
    }
}

# | library | `header` | rooms |
function library_row(cell,    header, words, count, i) {
    header = trim(cell[3])
    library[header] = 1
    count = split(trim(cell[4]), words, /[ ,]+/)
    for (i = 1; i <= count; i++)
        may_link[header, words[i]] = 1
}

function room_of(path,    part) {
    if (path ~ /^executor\/include\/crib\//)
        return "include/crib"
    split(path, part, "/")
    return part[2]
}

function check_local(room, name,    target, slash) {
    if (name ~ /^[a-z_]+\.pb-c\.h$/) {
        if (room == "include/crib")
            say("a public header includes generated \"" name "\"; keep it opaque")
        return
    }
    slash = index(name, "/")
    if (!slash || name ~ /\.\./) {
        sub(/.*\//, "", name)
        say("an include that does not start with its room; write \"ROOM/" name "\"")
        return
    }
    target = substr(name, 1, slash - 1)
    if (target == room || name == "crib/error.h")
        return
    if ((room, name) in may || (room, target) in may)
        return
    if (target == "crib" && room == "include/crib")
        return
    say(room "/ may not include \"" name "\"; see the include table in docs/architecture.md")
}

# Generated from a schema of the examples' own.
function own_schema(name,    line, there) {
    if (!sub(/\.pb-c\.h$/, ".proto", name))
        return 0
    there = (getline line < ("examples/" name)) >= 0
    close("examples/" name)
    return there
}

FNR == 1 { file++ }

file == 1 && /^#/ { section = $0 }
file == 1 && /^\| *`/ {
    n = split($0, cell, "|")
    if (section ~ /[Ii]nclude table/ && cell[2] !~ /…/)
        room_row(cell, n)
}
file == 1 && /^\|.*\| *`.*\|.*\|/ && section ~ /[Ll]ibraries/ {
    split($0, cell, "|")
    library_row(cell)
}

file > 1 && FNR == 1 && /./ {
    room = room_of(FILENAME)
    if (FILENAME ~ /^executor\// && !(room in known))
        say("room `" room "/` is not in the include table of docs/architecture.md; add its row")
}

file > 1 && /^[ \t]*#[ \t]*include[ \t]*"/ {
    split($0, part, "\"")
    if (FILENAME ~ /^examples\//) {
        if (part[2] !~ /^crib\// && !own_schema(part[2]))
            say("examples use the public headers alone, not \"" part[2] "\"")
    } else
        check_local(room, part[2])
}

file > 1 && /^[ \t]*#[ \t]*include[ \t]*</ {
    split($0, part, /[<>]/)
    header = part[2]
    if (header ~ /^protobuf-c\//)
        header = "protobuf-c/protobuf-c.h"
    if (FILENAME ~ /^executor\// && (header in library) && !((header, room) in may_link))
        say(room "/ may not use <" header ">; see the library table in docs/architecture.md")
}

END {
    FILENAME = "docs/architecture.md"
    count = split(folders, folder, "\n")
    for (i = 1; i <= count; i++) {
        name = folder[i] == "include" ? "include/crib" : folder[i]
        there[name] = 1
        if (!(name in known))
            print FILENAME ":1: the include table has no row for executor/" name "/; add it"
    }
    for (name in known)
        if (!(name in there))
            print FILENAME ":" known[name] ": room `" name "/` does not exist; drop its row"
}
