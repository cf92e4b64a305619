"""Networks on a CPU: packed weights, memory of threads, and calls of the kernels."""
