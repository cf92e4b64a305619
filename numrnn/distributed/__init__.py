"""What the processes of one training say to each other: nothing where there is one, MPI where there are many."""

from numrnn.distributed.comm import SERIAL
from numrnn.distributed.resolve import comm_of

__all__ = ["SERIAL", "comm_of"]
