#!/bin/sh
# Layout is clang-format's business (.clang-format). Other versions than 14 lay out a few things
# differently, so they do not decide.
. "$(dirname "$0")/common.sh"

tool=
for name in clang-format-14 clang-format; do
    if command -v "$name" > "/dev/null" && "$name" --version | grep -q 'version 14\.'; then
        tool=$name
        break
    fi
done
if [ -z "$tool" ]; then
    echo "skipped: no clang-format 14"
    exit 77
fi

c_files src include tests fuzz bench examples |
    xargs "$tool" --style=file --dry-run 2>&1 | grep -E ': (warning|error):' | note || true

finish "layout"
