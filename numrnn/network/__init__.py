"""Define networks: their parameters, their interfaces, and the code that runs the kernels on a CPU or a GPU."""
