"""List the targets for an H100: float32, 100 steps, TF32 off."""

CELLS = "elman", "gru", "lstm"
# (B, D, H): times that PyTorch's training step takes numrnn's; eager for Elman, GRU, LSTM, then both in CUDA graphs
TRAINING = {
    (32, 8, 32): ((6, 4, 4), (1.6, 1.5, 1.5)),
    (32, 16, 64): ((6, 4, 4), (1.6, 1.5, 1.5)),
    (32, 32, 128): ((6, 4, 4), (1.6, 1.5, 1.5)),
    (256, 32, 128): ((4, 3, 2.5), (1.8, 1.5, 1.5)),
    (1024, 32, 128): ((2.5, 3, 2.5), (2, 1.5, 1.5)),
    (64, 64, 256): ((3, 3, 3), (2.3, 2, 2)),
    (64, 128, 512): ((7.5, 2.5, 2), (5, 1.5, 1.5)),
    (64, 256, 1024): ((2.7, 1.5, 1.2), (2.3, 1.1, 1.1)),
}
# Likewise of predictions, eager: at most sizes, and those of H that differ
PREDICTION = {"elman": (1.5, {256: 1.2}), "gru": (1.5, {128: 1.2}), "lstm": (1.2, {})}


def of_training(cell, shape):
    """Return the required ratios (over PyTorch eager, both in CUDA graphs); None means that nothing is required."""
    if shape not in TRAINING:
        return None, None
    return tuple(targets[CELLS.index(cell)] for targets in TRAINING[shape])


def of_prediction(cell, shape):
    """Return the required ratio over PyTorch eager; None means that nothing is required."""
    usual, others = PREDICTION[cell]
    return others.get(shape[2], usual) if shape in TRAINING else None
