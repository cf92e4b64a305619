"""Compute recurrences, losses and updates on NVIDIA GPUs, with the cell arithmetic of kernels/cpu."""
