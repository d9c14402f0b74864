# SPDX-License-Identifier: Apache-2.0
# code(line): the line without comments and without what is inside strings and character constants.
# Call it for every line of a file in order; it remembers an open comment and forgets it at a new file.

function code(line,    out, i, c, two, quote) {
    if (FNR == 1)
        in_comment = 0
    out = ""
    quote = ""
    for (i = 1; i <= length(line); i++) {
        c = substr(line, i, 1)
        two = substr(line, i, 2)
        if (in_comment) {
            if (two == "*/") {
                in_comment = 0
                i++
            }
        } else if (quote != "") {
            if (c == "\\")
                i++
            else if (c == quote) {
                quote = ""
                out = out c
            }
        } else if (two == "/*") {
            in_comment = 1
            out = out " "
            i++
        } else if (two == "//") {
            break
        } else {
            if (c == "\"" || c == "'")
                quote = c
            out = out c
        }
    }
    return out
}
