"""Read data from ``.npz`` files, tables of steps, tables of texts, and text files."""
