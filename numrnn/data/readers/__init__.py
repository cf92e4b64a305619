"""Read files: ``.npz``, tables of steps, tables of texts, and texts."""
