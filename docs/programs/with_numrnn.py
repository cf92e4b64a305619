"""Classify sequences of different lengths with numrnn."""

from sklearn.pipeline import make_pipeline

from numrnn import RNNClassifier, SequenceScaler
from numrnn.datasets import load_japanese_vowels

vowels = load_japanese_vowels()
network = RNNClassifier((64,), cell="gru", max_iter=40, random_state=0)
model = make_pipeline(SequenceScaler(), network).fit(vowels.X_train, vowels.y_train)
accuracy = model.score(vowels.X_test, vowels.y_test)
