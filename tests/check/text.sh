#!/bin/sh
# Text that does not belong into a finished tree: notes to self, a developer's paths, tabs, carriage
# returns, white space at the end of a line.
. "$(dirname "$0")/common.sh"

c_files src include tests fuzz bench examples |
    xargs grep -HnE '\b(TODO|FIXME|XXX|HACK)\b' /dev/null | sed 's/$/: a note to self/' | note
c_files src include tests fuzz bench examples |
    xargs grep -HnE '"/(home|root|work|mnt|Users)/' /dev/null | sed "s/\$/: somebody's own path/" | note
tab=$(printf '\t')
return=$(printf '\r')
c_files src include tests fuzz bench examples |
    xargs grep -HnE "$tab|$return|[[:space:]]\$" /dev/null | cut -d: -f1,2 |
    sed 's/$/: a tab, a carriage return or white space at the end of the line/' | note

finish "leftovers in the text"
