#!/bin/sh
# The program's help, its man pages, its completion and its parser know the same commands and options.
#     command_line.sh ROOT MERLON
. "$(dirname "$0")/common.sh"
merlon=$(realpath "${1:?the program}")

work=$(mktemp -d)
trap 'rm -rf "$findings" "$work"' EXIT
cd "$work"
XDG_CONFIG_HOME=$work/config
export XDG_CONFIG_HOME
mkdir man

# Commands: indented lines of the overview under "Commands:"; the name ends before two spaces or in
# column 18.
"$merlon" help > overview
awk '/^Commands:/ { inside = 1; next } /^$/ { inside = 0 } inside {
    name = substr($0, 3, 16)
    sub(/ *$/, "", name)
    print name
}' overview > commands
[ -s commands ] || echo "merlon help: lists no commands" | note

"$merlon" help --man man || echo "merlon help --man: fails" | note
"$merlon" completion bash > completion || echo "merlon completion bash: fails" | note
bash -n completion || echo "merlon completion bash: prints no valid script" | note

# The pages are those of the commands and the overview's, no more and no less.
{
    echo merlon.1
    sed 's/ /-/g; s/^/merlon-/; s/$/.1/' commands
} | sort > pages_expected
ls man | sort > pages
comm -3 pages pages_expected | sed 's/^[[:space:]]*/man page without a command, or the reverse: /' | note

# Each line of `COMMAND.help` and the rest is the name of an option, without dashes.
while read -r command; do
    file=$(echo "$command" | tr ' ' '-')
    # $command is one or two words on purpose.
    "$merlon" $command --help < /dev/null > text 2>&1 || echo "merlon $command --help: fails" | note
    sed -n 's/^  --\([a-z0-9-]*\).*/\1/p' text | sort > "$file.help"
    sed -n 's/^\\fB\\-\\-\([a-z0-9\\-]*\)\\fR.*/\1/p' "man/merlon-$file.1" | sed 's/\\//g' |
        sort > "$file.man"
    [ -s "$file.help" ] || echo "merlon $command --help: lists no options" | note
    comm -23 "$file.help" "$file.man" |
        sed "s/^/merlon $command: in --help, not in its man page: --/" | note
    comm -13 "$file.help" "$file.man" |
        sed "s/^/merlon $command: in its man page, not in --help: --/" | note
    cat "$file.help" >> options
    grep -qF "'$command'" completion || echo "merlon $command: not in the completion" | note
done < commands

sort -u options > all_options
while read -r command; do
    file=$(echo "$command" | tr ' ' '-')
    while read -r option; do
        "$merlon" $command "--$option=x" < /dev/null > text 2>&1 || true
        if grep -q 'has no option' text; then
            echo "$option"
        fi
    done < all_options > "$file.refused"
    comm -12 "$file.help" "$file.refused" |
        sed "s/^/merlon $command: in --help, but refused: --/" | note
    comm -23 all_options "$file.help" | comm -23 - "$file.refused" |
        sed "s/^/merlon $command: accepted, but not in --help: --/" | note
done < commands

finish "help, man pages, completion and parser"
