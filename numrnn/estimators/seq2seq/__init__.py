"""Implement `RNNSeq2Seq`: its pairs of sequences, its fit and its predictions."""

from numrnn.estimators.seq2seq.estimator import RNNSeq2Seq

__all__ = ["RNNSeq2Seq"]
