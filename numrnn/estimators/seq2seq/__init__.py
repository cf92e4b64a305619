"""`RNNSeq2Seq`: the estimator, its pairs of sequences, its fit and its predictions."""

from numrnn.estimators.seq2seq.estimator import RNNSeq2Seq

__all__ = ["RNNSeq2Seq"]
