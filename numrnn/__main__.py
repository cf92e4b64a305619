"""``python -m numrnn``: the command line."""

import sys

from numrnn.cli import main

sys.exit(main())
