#!/usr/bin/env bash
# Tell whether commit B is slower than commit A; see compare.py. Usage: benchmarks/compare.sh A B [options]
exec python3 "$(dirname "$0")/compare.py" "$@"
