"""Implement the CPU kernels: micro-kernel, cells, heads and parameter updates."""
