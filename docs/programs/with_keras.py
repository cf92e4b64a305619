"""Classify sequences of different lengths with Keras 3."""

import keras

from numrnn import Sequences, SequenceScaler
from numrnn.datasets import load_japanese_vowels

vowels = load_japanese_vowels()
scaler = SequenceScaler().fit(vowels.X_train)


def padded(X):
    """Standardise sequences and pad them with zeros, which the network masks."""
    return Sequences.from_list(scaler.transform(X)).to_padded(fill=0.0)


keras.utils.set_random_seed(0)
model = keras.Sequential(
    [
        keras.Input((None, 12)),
        keras.layers.Masking(0.0),
        keras.layers.GRU(64),
        keras.layers.Dense(9, activation="softmax"),
    ]
)
optimizer = keras.optimizers.Adam(0.003, global_clipnorm=1.0)
model.compile(optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(padded(vowels.X_train), vowels.y_train - 1, batch_size=16, epochs=40, verbose=0)
_, accuracy = model.evaluate(padded(vowels.X_test), vowels.y_test - 1, verbose=0)
