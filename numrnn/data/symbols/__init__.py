"""Convert texts to symbols: vocabularies, words and characters, and pairs of each symbol and its successor."""
