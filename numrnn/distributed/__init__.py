"""Communicate between the processes that train together; a single process needs no MPI."""

from numrnn.distributed.comm import SERIAL, Serial
from numrnn.io.messages import InputTypeError, shown

__all__ = ["SERIAL", "comm_of"]


def comm_of(comm):
    """Return the communicator that `fit` uses for its parameter `comm`.

    The parameter is an mpi4py communicator, a `Serial` or `MPI` object, or None for a single process. Other objects
    raise TypeError.
    """
    if comm is None or isinstance(comm, Serial):
        return SERIAL if comm is None else comm
    from numrnn.distributed.mpi import processes_of

    processes = processes_of(comm)
    if processes is None:
        expected = "must be None or an mpi4py communicator such as MPI.COMM_WORLD"
        raise InputTypeError("comm", (), f"{expected}, got {shown(comm)}")
    return processes
