"""
Writing like Tolstoy, character by character
============================================

War and Peace (Tolstoy 1869, translated by Louise and Aylmer Maude) is one text of 3.2 million characters. The network
trains on the first 80 % in 100 parallel streams, 100 characters at a time with the state carried over; the last 10 %
are the test part. After training the network generates text. One command trains Elman, GRU and LSTM networks of 128
units::

    python docs/examples/war_and_peace.py war_and_peace.txt --cell elman gru lstm --units 128 --epochs 4

The program prints a row for each epoch and a text for each temperature, and saves a picture of the loss curves. Two
layers with dropout, more updates in an epoch and a learning rate that falls reach 1.207 nats a character::

    python docs/examples/war_and_peace.py war_and_peace.txt --cell gru --units 320 320 --dropout 0.25 \\
        --batch-size 50 --schedule cosine --epochs 10

The text is Project Gutenberg's number 2600; any other text in UTF-8 can be used. The first command saves this picture;
:doc:`/guide/tasks` shows what the models write.

.. image:: /images/war_and_peace.png
   :alt: Test cross-entropy of Elman, GRU and LSTM networks over four epochs.
"""

# sphinx_gallery_thumbnail_path = 'images/war_and_peace.png'

import argparse
import time
from pathlib import Path

import matplotlib.pyplot as plt

from numrnn import RNNLanguageModel

PROMPT = "Prince "
TEMPERATURES = (0.4, 0.7, 1.0)

# %%
# The text
# --------
# The characters of all parts are known beforehand, so that the test can hold none that has no number.


def read_parts(path):
    """Return the whole text, its first 80 % and its last 10 %."""
    text = Path(path).read_text(encoding="utf-8-sig")
    return text, text[: len(text) * 8 // 10], text[len(text) * 9 // 10 :]


# %%
# Training
# --------
# ``initialize`` learns the vocabulary, each ``partial_fit`` makes one pass. ``cross_entropy`` reads the test from its
# beginning to its end without ever forgetting its state.


def train(cell, args, text, training, test):
    """Return a model and its test cross-entropy after each epoch, in nats a character."""
    model = RNNLanguageModel(
        args.units, cell=cell, dropout=args.dropout, batch_size=args.batch_size, bptt_steps=100, max_iter=args.epochs,
        learning_rate_init=args.learning_rate, learning_rate=args.schedule, clip_norm=5.0, random_state=args.seed,
    ).initialize(text)  # fmt: skip
    curve = []
    for epoch in range(1, args.epochs + 1):
        start = time.perf_counter()
        model.partial_fit(training)
        seconds = time.perf_counter() - start
        curve.append(model.cross_entropy(test))
        print(f"| {cell} | {epoch} | {seconds:.1f} | {model.loss_:.3f} | {curve[-1]:.3f} |", flush=True)
    return model, curve


# %%
# Writing
# -------
# A low temperature makes the likely likelier: safe, and soon repetitive. At 1 the characters are drawn as the network
# thinks of them.


def show_texts(cell, model, args):
    """Print what the model writes at three temperatures, and how fast."""
    model.generate(PROMPT, 1)  # takes what has to be compiled out of the times
    for temperature in TEMPERATURES:
        start = time.perf_counter()
        text = model.generate(PROMPT, args.length, temperature=temperature, random_state=args.seed)
        seconds = time.perf_counter() - start
        print(
            f"\n{cell}, temperature {temperature}, {args.length / seconds:,.0f} characters a second\n{PROMPT}{text}\n"
        )


def show_curves(curves, path):
    """Write the picture of the test cross-entropies."""
    figure, axes = plt.subplots(figsize=(7, 3.5), layout="constrained")
    for cell, curve in curves.items():
        axes.plot(range(1, len(curve) + 1), curve, marker="o", label=f"{cell}, {curve[-1]:.3f}")
    axes.set(xlabel="epoch", ylabel="test cross-entropy (nats a character)")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(frameon=False)
    figure.savefig(path, dpi=150)


def main():
    parser = argparse.ArgumentParser(description="Character models of a long text")
    parser.add_argument("text", help="a text file in UTF-8")
    parser.add_argument("--cell", nargs="+", default=["lstm"], choices=["elman", "gru", "lstm"])
    parser.add_argument("--units", nargs="+", type=int, default=[128], help="units of each layer")
    parser.add_argument("--dropout", type=float, default=0.0)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--schedule", default="constant", choices=["constant", "cosine"], help="of the learning rate")
    parser.add_argument("--batch-size", type=int, default=100, help="parallel streams")
    parser.add_argument("--length", type=int, default=600, help="characters to write")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--picture", default="war_and_peace.png")
    parser.add_argument("--save", help="where to write the model of the last cell")
    args = parser.parse_args()
    text, training, test = read_parts(args.text)
    print("| cell | epoch | seconds | training loss | test cross-entropy |\n|---|---|---|---|---|")
    models, curves = {}, {}
    for cell in args.cell:
        models[cell], curves[cell] = train(cell, args, text, training, test)
    for cell, model in models.items():
        show_texts(cell, model, args)
    show_curves(curves, args.picture)
    if args.save:
        models[args.cell[-1]].save(args.save)


if __name__ == "__main__":
    main()
