#!/bin/sh
# What `cmake --install` puts into place is enough: a C program that knows only pkg-config and the
# installed tree compiles, links and runs, and the program and its pages are there.
#     install.sh ROOT BUILD CC
. "$(dirname "$0")/common.sh"
build=${1:?build folder}
cc=${2:?C compiler}

work=$(mktemp -d)
trap 'rm -rf "$findings" "$work"' EXIT
prefix=$work/usr

cmake --install "$build" --prefix "$prefix" > "$work/output" 2>&1 || {
    cat "$work/output"
    echo "CMakeLists.txt:1: cmake --install fails" | note
    finish "installation"
}

mkdir -p "$prefix"
pc=$(find "$prefix" -name merlon.pc)
library=$(dirname "$(dirname "${pc:-$prefix/lib/pkgconfig/merlon.pc}")")
[ -L "$library/libmerlon.so.0" ] || echo "$library:1: no link libmerlon.so.0" | note
[ -x "$prefix/bin/merlon" ] || echo "bin:1: the program is missing" | note
[ -f "$prefix/share/man/man1/merlon.1" ] || echo "man1:1: merlon.1 is missing" | note
[ -f "$prefix/share/bash-completion/completions/merlon" ] ||
    echo "bash-completion:1: the completion is missing" | note
"$prefix/bin/merlon" --version > "$work/output" 2>&1 || echo "bin/merlon:1: does not start" | note

# It finds the program that parses, wherever the whole was put.
"$prefix/bin/merlon" schema infer data/iris/train.csv > "$work/output" 2>&1 || {
    cat "$work/output"
    echo "libexec/merlon/merlon-cell:1: a table cannot be read" | note
}

# The program in the README, so that it stays true; it fails for want of its table.
sed -n '/^```c$/,/^```$/{/^```/d;p}' README.md > "$work/user.c"
[ -s "$work/user.c" ] || echo "README.md:1: holds no program" | note
flags() {
    pkg-config --define-variable=prefix="$prefix" "$@" "${pc:-merlon}"
}
if ! "$cc" -Wall -Werror $(flags --cflags) "$work/user.c" \
    -o "$work/user" $(flags --libs) > "$work/output" 2>&1; then
    cat "$work/output"
    echo "merlon.pc:1: a program does not compile with it" | note
else
    code=0
    (cd "$work" && LD_LIBRARY_PATH="$library" ./user > output 2>&1) || code=$?
    if [ "$code" != 66 ] || ! grep -q "houses.csv" "$work/output"; then
        echo "README.md:1: its program ends with $code: $(cat "$work/output")" | note
    fi
fi
if [ "$("$prefix/bin/merlon" --version)" != "merlon $(flags --modversion)" ]; then
    echo "merlon.pc:1: its version is not the program's" | note
fi

if grep -rlIF "$root" "$prefix" > "$work/output" 2>&1 || grep -lF "$root/" "$prefix/bin/merlon" \
    "$library/libmerlon.so.0" >> "$work/output" 2>&1; then
    sed 's/$/:1: holds the path of the source tree/' "$work/output" | note
fi

finish "installation"
