#!/bin/bash
# Install on nodes that see no network: `wheels.sh collect` where there is one, `wheels.sh install` where there is none.
set -euo pipefail

WHEELS=${WHEELS:-wheels}
PYTHON=${PYTHON:-python3}
case ${1:-} in
    collect) "$PYTHON" -m pip wheel --wheel-dir "$WHEELS" "${SOURCE:-.}" ;;
    install) "$PYTHON" -m pip install --no-index --find-links "$WHEELS" numrnn ;;
    *) echo "usage: wheels.sh collect|install" >&2; exit 2 ;;
esac
