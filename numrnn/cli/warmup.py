"""Run ``numrnn warmup``: compile kernels to the cache ahead of a job."""

__all__ = ["add_parser"]


def add_parser(commands):
    """Add the command to the parser's sub-commands."""
    parser = commands.add_parser(
        "warmup",
        help="compile the kernels and cache them",
        description="Compile the kernels and store them in the cache (NUMBA_CACHE_DIR) for later processes. Run it "
        "before a job array, or while a container image is built.",
    )
    parser.add_argument(
        "--cells", metavar="CELL,...", type=_names, default="elman,gru,lstm", help="cells to compile for (default: all)"
    )
    parser.add_argument(
        "--dtypes",
        metavar="DTYPE,...",
        type=_names,
        default="float32",
        help="precisions to compile for (default: float32)",
    )
    parser.add_argument("--symbols", action="store_true", help="compile kernels that read symbols and generate texts")
    parser.add_argument("--bidirectional", action="store_true", help="compile bidirectional layers")
    parser.add_argument(
        "--memory-limit", action="store_true", help="ignored: training with a limit has the same kernels"
    )
    parser.set_defaults(run=run)


def _names(text):
    return text.split(",")


def run(arguments):
    """Compile the kernels."""
    import time

    import numrnn

    started = time.perf_counter()
    numrnn.warmup(
        cells=arguments.cells,
        dtypes=arguments.dtypes,
        symbols=arguments.symbols,
        bidirectional=arguments.bidirectional,
        memory_limit=arguments.memory_limit,
    )
    print(f"kernels ready after {time.perf_counter() - started:.1f} s")
