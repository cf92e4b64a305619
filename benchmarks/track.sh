#!/usr/bin/env bash
# Run benchmarks on commits spread evenly over a range, and keep the results in benchmarks/results.
# Usage: benchmarks/track.sh A..B [number of commits: 14] [pattern of benchmarks: history]
# A commit whose package or API does not allow the benchmarks is skipped and named.
set -euo pipefail
range=$1 count=${2:-14} pattern=${3:-history}
cd "$(dirname "$0")"
export PIP_DISABLE_PIP_VERSION_CHECK=1
cache=$(mktemp -d)
trap 'rm -rf "$cache"' EXIT
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE  # they are no measure of speed

commits=$(git rev-list --first-parent --reverse "$range" | awk -v count="$count" '
    { line[NR] = $0 }
    END {
        for (i = 1; i < count; i++) print line[1 + int((i - 1) * (NR - 1) / (count - 1) + 0.5)]
        print line[NR]
    }' | uniq)
machine=$(nproc)-cores
asv machine --yes --machine "$machine" > /dev/null
for commit in $commits; do
    # Versions before that of the compiled kernels' own folders would use those of other versions.
    export NUMBA_CACHE_DIR=$cache/$commit
    asv run --machine "$machine" --bench "$pattern" --show-stderr "$commit^!" > "$cache/log" 2>&1 ||
        echo failed >> "$cache/log"
    if grep -q failed "$cache/log"; then
        echo "skipped: $(git log -1 --format='%h %s' "$commit")"
        tail -3 "$cache/log" | sed 's/^/    /'
    else
        echo "done: $(git log -1 --format='%h %s' "$commit")"
    fi
    rm -rf "$NUMBA_CACHE_DIR"
done
