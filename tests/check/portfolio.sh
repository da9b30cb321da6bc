#!/bin/sh
# What a search tries first is in the order that the stored scores say (bench/automl/matrix.py).
. "$(dirname "$0")/common.sh"

command -v python3 > "/dev/null" || exit 77
if [ -f bench/automl/matrix.py ]; then
    python3 -B bench/automl/matrix.py check > "$findings.said" 2>&1 ||
        sed 's|^|src/automl/portfolio.c:1: |' "$findings.said" | note
    rm -f "$findings.said"
fi

finish "the portfolio"
