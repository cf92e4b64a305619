"""What the processes of one training say to each other: nothing where there is one, MPI where there are many."""

from numrnn.distributed.comm import SERIAL, Serial
from numrnn.io.messages import shown

__all__ = ["SERIAL", "comm_of"]


def comm_of(comm):
    """Return what `fit` works with for its parameter `comm`.

    Parameters
    ----------
    comm : mpi4py.MPI.Intracomm, Serial, MPI or None
        None: one process.

    Raises
    ------
    TypeError
        If it is something else.

    Examples
    --------
    >>> from numrnn.distributed import comm_of
    >>> comm_of(None).size
    1
    """
    if comm is None or isinstance(comm, Serial):
        return SERIAL if comm is None else comm
    from numrnn.distributed.mpi import processes_of

    processes = processes_of(comm)
    if processes is None:
        raise TypeError(f"comm must be None or an mpi4py communicator such as MPI.COMM_WORLD, got {shown(comm)}")
    return processes
