"""Run networks on a CPU: packed weights, workspaces of threads, and calls of the kernels."""
