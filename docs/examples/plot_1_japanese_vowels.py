"""
Who is speaking? Japanese vowels
================================

Nine men say the vowels /ae/; each utterance is a sequence of 7 to 29 steps with 12 numbers a step (cepstrum
coefficients). The task is to identify the speaker. The data come with the package.
"""

# %%
# The sequences
# -------------
# A list of arrays of shape (steps, inputs), one array per utterance, is all that an estimator needs: the sequences
# have different lengths, and nothing is padded.

from numrnn.datasets import load_japanese_vowels

vowels = load_japanese_vowels()
X_train, y_train, X_test, y_test = vowels.X_train, vowels.y_train, vowels.X_test, vowels.y_test
print(len(X_train), "utterances to learn from, the first three of shapes", [x.shape for x in X_train[:3]])

# %%
import matplotlib.pyplot as plt

figure, panels = plt.subplots(1, 3, figsize=(9, 3), sharey=True, layout="constrained")
for panel, speaker in zip(panels, (1, 4, 9), strict=True):
    first = X_train[list(y_train).index(speaker)]
    panel.plot(first)
    panel.set(title=f"speaker {speaker}", xlabel="step")
panels[0].set_ylabel("the 12 inputs")

# %%
# A pipeline
# ----------
# :class:`~numrnn.SequenceScaler` standardises each input over all steps of the training sequences. The classifier is
# a GRU with 64 units that reads an utterance to its end and then names the speaker.

from sklearn.pipeline import make_pipeline

from numrnn import RNNClassifier, SequenceScaler

classifier = RNNClassifier((64,), cell="gru", learning_rate_init=0.01, max_iter=60, random_state=0)
model = make_pipeline(SequenceScaler(), classifier).fit(X_train, y_train)
print(f"test accuracy {model.score(X_test, y_test):.3f}")

# %%
# How it learnt, and which speakers it takes for one another:

from sklearn.metrics import ConfusionMatrixDisplay

figure, (curve, table) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
curve.semilogy(range(1, classifier.n_iter_ + 1), classifier.loss_curve_)
curve.set(xlabel="epoch", ylabel="training loss")
ConfusionMatrixDisplay.from_predictions(y_test, model.predict(X_test), ax=table, colorbar=False, cmap="Blues")

# %%
# Which cell?
# -----------
# scikit-learn's own tools choose between settings, by cross-validation on the training part.

from sklearn.model_selection import GridSearchCV

search = GridSearchCV(model, {"rnnclassifier__cell": ["elman", "gru", "lstm"]}, cv=3).fit(X_train, y_train)
for params, accuracy in zip(search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True):
    print(f"{params['rnnclassifier__cell']:6} {accuracy:.3f}")
