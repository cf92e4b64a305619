"""
Kill a fit twice, and resume it without a trace
===============================================

A fit that writes checkpoints is killed in epoch 14 and in epoch 33. Run again, it resumes from the newest checkpoint.
The figure shows the three runs on top of an uninterrupted one: the losses, and in the end the weights, have the same
bits.
"""

# %%
# A script that may be killed
# ---------------------------
# The same lines are run as often as necessary, as a batch job would. ``Checkpoint`` saves the state of training every
# ten epochs, and ``resume`` names the folder to continue from, if there is something in it. The callback ``PowerCut``
# stands for what kills the job.

import tempfile

from numrnn import RNNClassifier, SequenceScaler
from numrnn.datasets import load_japanese_vowels
from numrnn.training import Checkpoint

vowels = load_japanese_vowels()
X, y = SequenceScaler().fit_transform(vowels.X_train), vowels.y_train


class PowerCut:
    """Raise an error at the end of an epoch, and note the losses until then."""

    def __init__(self, epoch):
        self.epoch, self.losses = epoch, {}

    def on_epoch_end(self, info):
        self.losses[info.epoch] = info.loss
        if info.epoch == self.epoch:
            raise RuntimeError(f"power cut in epoch {info.epoch}")


def train(folder, cut):
    """Train for 50 epochs, from the newest checkpoint in a folder."""
    model = RNNClassifier(
        (16,), dropout=0.2, learning_rate_init=0.01, learning_rate="cosine", max_iter=50, random_state=0,
        callbacks=[Checkpoint(folder, every="10 epochs"), cut],
    )  # fmt: skip
    return model.fit(X, y, resume=folder)


# %%
# Three runs
# ----------

runs = [PowerCut(14), PowerCut(33), PowerCut(None)]
with tempfile.TemporaryDirectory() as folder:
    for cut in runs:
        try:
            model = train(folder, cut)
        except RuntimeError as error:
            print(error)
print("complete:", model.n_iter_, "epochs")

# %%
# The same bits
# -------------
# For comparison, a fit without interruption. Dropout, the order of the sequences and the solver's averages continue as
# if nothing had happened, so the weights are equal, not merely close.

whole = RNNClassifier(
    (16,), dropout=0.2, learning_rate_init=0.01, learning_rate="cosine", max_iter=50, random_state=0
).fit(X, y)

assert model.loss_curve_ == whole.loss_curve_
assert all((model.weights_[name] == weights).all() for name, weights in whole.weights_.items())

# %%
# What the power cuts cost is the work since the last checkpoint: epochs 11 to 14 and 31 to 33 were computed twice.

# sphinx_gallery_thumbnail_number = 1
import matplotlib.pyplot as plt

figure, axes = plt.subplots(figsize=(7.5, 3.8), layout="constrained")
axes.plot(range(1, 51), whole.loss_curve_, color="0.8", linewidth=9, solid_capstyle="round", label="uninterrupted")
for number, cut in enumerate(runs, 1):
    axes.plot(list(cut.losses), list(cut.losses.values()), linewidth=2.2, label=f"run {number}")
for cut in runs[:2]:
    axes.plot(cut.epoch, cut.losses[cut.epoch], "X", color="black", markersize=11, zorder=4)
axes.plot([], [], "X", color="black", markersize=9, label="power cut")
axes.set(yscale="log", xlabel="epoch", ylabel="training loss", xlim=(0, 51))
axes.set_title("Killed twice: the resumed runs follow the uninterrupted one bit by bit")
axes.legend()
plt.show()

# %%
# The script above need not know that it was killed. If the process gets SIGTERM or SIGUSR1, as batch systems send
# before the time is over, it also saves a checkpoint at once.
#
# Read next: :doc:`/guide/checkpoints` on signals, time limits and batch scripts, and :doc:`/guide/reproducibility` on
# what is promised to have the same bits.
