"""Provide bundled real sequences and seeded synthetic tasks, without downloads."""

from numrnn.datasets.japanese_vowels import load_japanese_vowels
from numrnn.datasets.synthetic import make_adding_problem, make_copy_task, make_noisy_sines

__all__ = ["load_japanese_vowels", "make_adding_problem", "make_copy_task", "make_noisy_sines"]
