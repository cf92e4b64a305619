"""``numrnn fit`` by several processes, which `mpiexec` or `srun` starts."""

import os
import sys

from numrnn.cli.arguments import UsageError

__all__ = ["run_in_ranks"]

# What starts processes tells them their number: Hydra and Slurm's PMI-2, Open MPI.
SIZES = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE")


def run_in_ranks(run, options):
    """Call run(options, comm): with all processes where there are several, or ``--mpi`` says so. The first one speaks.

    Parameters
    ----------
    run : callable
    options : dict
        `mpi` is taken out.
    """
    wanted = options.pop("mpi", None)
    if wanted is None:
        wanted = any(os.environ.get(name, "1") not in ("", "1") for name in SIZES)
    if not wanted:
        from numrnn.distributed import SERIAL

        run(options, SERIAL)
        return
    try:
        from numrnn.distributed.mpi import world
    except ImportError as error:
        raise UsageError(f"{error}; with --no-mpi each process trains for itself") from error

    comm = world()
    if comm.rank:
        sys.stdout = sys.stderr = open(os.devnull, "w")  # for good: errors that all have are told once
    with comm.together():
        run(options, comm)
