"""Run a tile of sequences through all steps, layers and the head, on one thread."""
