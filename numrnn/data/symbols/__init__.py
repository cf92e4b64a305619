"""Symbols: vocabularies, words and characters of texts, and each symbol with the one that follows it."""
