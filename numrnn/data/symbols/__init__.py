"""Convert texts to symbols with vocabularies of characters or words, and pair each symbol with the next one."""
