"""Run networks on an NVIDIA GPU, with theta, the solver and mini-batches in its memory.

The classes have the methods of `CPUNetwork`. Nothing here is imported before ``device="cuda"`` is requested.
"""
