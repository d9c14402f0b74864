# SPDX-License-Identifier: Apache-2.0
# First file: banned.list. Then the sources; strip.awk gives code().

# A call is the word, an opening parenthesis, and nothing before it that makes it a member.
function calls(text, word,    at, before, rest) {
    while ((at = match(text, "(^|[^A-Za-z0-9_])" word "[ ]*\\("))) {
        before = substr(text, 1, at)
        rest = substr(text, at + RLENGTH)
        if (before !~ /[.>]$/ || before ~ /[^-]>$/)
            return 1
        text = rest
    }
    return 0
}

function opens(text) {
    return calls(text, "(open|openat|socket|socketpair|memfd_create|eventfd|signalfd|timerfd_create|inotify_init1|accept4|pipe2)")
}

FNR == 1 {
    file++
    excused = 0
    statement = ""
}

file == 1 && !/^#/ && NF > 2 {
    where[$1] = $2
    instead[$1] = $0
    sub(/^[^ ]+ +[^ ]+ +/, "", instead[$1])
}

file > 1 {
    text = code($0)
    if (/no CLOEXEC/)
        excused = FNR # the comment before the call, or beside it, says why
    if (text !~ /\(/ && statement == "")
        next
    library = FILENAME !~ /^executor\/(cli\/|ready\/|daemon\/main)/
    for (word in where)
        if (index(text, word) && (where[word] == "all" || library) && calls(text, word))
            print FILENAME ":" FNR ": " word "() is banned; use " instead[word]
    if (statement == "" && opens(text))
        first = FNR
    else if (statement == "")
        next
    statement = statement text
    if (text ~ /[;{]/) {
        if (statement !~ /CLOEXEC|flags|how/ && (!excused || first - excused > 2))
            print FILENAME ":" first ": a descriptor is made without CLOEXEC; add it to the flags, or say why in a comment (no CLOEXEC: …)"
        statement = ""
    }
}
