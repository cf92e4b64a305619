"""CPU kernels: a register-tiled micro-kernel, the cells, the heads and the parameter updates."""
