"""Run the command line as ``python -m numrnn``."""

import sys

from numrnn.cli import main

sys.exit(main())
