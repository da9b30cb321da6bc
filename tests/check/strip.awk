# C without comments and without the contents of strings and character constants: what is left is
# code, and each input line gives one output line `FILE:LINE:CODE`.

FNR == 1 { in_comment = 0 }

{
    rest = $0
    code = ""
    while (rest != "") {
        if (in_comment) {
            at = index(rest, "*/")
            if (!at)
                break
            in_comment = 0
            rest = substr(rest, at + 2)
            continue
        }
        if (!match(rest, /"|'|\/\*|\/\//)) {
            code = code rest
            break
        }
        code = code substr(rest, 1, RSTART - 1)
        mark = substr(rest, RSTART, RLENGTH)
        rest = substr(rest, RSTART + RLENGTH)
        if (mark == "//")
            break
        if (mark == "/*") {
            in_comment = 1
            code = code " "
            continue
        }
        # A literal: up to the closing mark that no backslash precedes.
        while (rest != "") {
            first = substr(rest, 1, 1)
            if (first == mark) {
                rest = substr(rest, 2)
                break
            }
            rest = substr(rest, first == "\\" ? 3 : 2)
        }
        code = code mark mark
    }
    print FILENAME ":" FNR ":" code
}
