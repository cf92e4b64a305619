"""Store data sets in directories of files: their format, their writer, and sequences that stay on disk."""
