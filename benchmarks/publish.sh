#!/usr/bin/env bash
# Build asv's interactive pages from benchmarks/results. Usage: benchmarks/publish.sh [folder: benchmarks/html]
set -euo pipefail
folder=$(realpath -m "${1:-$(dirname "$0")/html}")
cd "$(dirname "$0")"
PYTHONUSERBASE=${PYTHONUSERBASE:-$HOME/.local}
HOME=$(mktemp -d)  # asv keeps what it knows of the machine there
trap 'rm -rf "$HOME"' EXIT
export HOME PYTHONUSERBASE
python -m asv machine --yes > /dev/null
python -m asv run -E existing --bench just-discover  # it writes the list of benchmarks, which the pages need
python -m asv publish --html-dir "$folder"
