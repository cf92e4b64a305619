"""Implement `RNNSeq2Seq`, which is fitted to pairs of sequences and predicts sequences."""

from numrnn.estimators.seq2seq.estimator import RNNSeq2Seq

__all__ = ["RNNSeq2Seq"]
