"""Define networks: their parameters, their contracts, and the code that runs the kernels on a CPU or a GPU."""
