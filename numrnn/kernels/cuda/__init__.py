"""Kernels for NVIDIA GPUs: the recurrences, and what follows a gradient. Cell maths are those of kernels/cpu."""
