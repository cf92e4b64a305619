"""
Punctuation and capitals, restored word by word
===============================================

A speech recogniser writes ``well prince so genoa and lucca are now just family estates of the buonapartes``. To
restore capitals and punctuation is a task with one target per step: the tag of a word says whether it begins with a
capital, and which mark follows it. War and Peace has half a million examples. A paragraph is a sequence; the first 80 %
of the book are the training part, the last 10 % are the test part. One command trains and tests a network::

    python docs/examples/tagging.py war_and_peace.txt
    python docs/examples/tagging.py war_and_peace.txt --bidirectional

A network that reads from left to right has to tag a word before it sees the next one, on which a comma or a full stop
depends more than on the words before; a bidirectional network reads it first. The program prints precision and recall
for each kind of tag, compared with those of a table of each word's most frequent tag, and a passage as the network
restores it. The text is Project Gutenberg's number 2600; any other text in UTF-8 with empty lines between paragraphs
can be used. The second command saves this picture; :doc:`/guide/tasks` shows the numbers.

.. image:: /images/tagging.png
   :alt: F1 of capitals and punctuation marks, for the network and for a table of words.
"""

# sphinx_gallery_thumbnail_path = 'images/tagging.png'

import argparse
import re
import time
from collections import Counter, defaultdict
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import accuracy_score, precision_recall_fscore_support

from numrnn import RNNClassifier
from numrnn.data import Vocabulary

WORDS = 10_000
WORD = re.compile(r"[^\W_]+(?:['\u2019-][^\W_]+)*")
MARK = re.compile(r"--|[.,;:?!]")
SMALL, CAPITAL = "aa", "Aa"
KINDS = {CAPITAL: "capital", "": "no mark", "--": "dash"}  # the other marks stand for themselves


# %%
# Words and tags
# --------------
# A tag is ``aa`` or ``Aa`` and the first mark between a word and the next: ``Aa,`` is a capital and a comma. Quotation
# marks and brackets are left out.


def read_paragraphs(path):
    """Return the words of each paragraph, in small letters, and their tags: two lists of lists of str."""
    words, tags = [], []
    for paragraph in re.split(r"\n\s*\n", Path(path).read_text(encoding="utf-8-sig")):
        found = list(WORD.finditer(paragraph))
        if found:
            ends = [match.start() for match in found[1:]] + [len(paragraph)]
            words.append([match[0].lower() for match in found])
            tags.append([tag(match, paragraph[match.end() : end]) for match, end in zip(found, ends, strict=True)])
    return words, tags


def tag(match, gap):
    """Return the tag of a word, given the text between it and the next."""
    mark = MARK.search(gap)
    return (CAPITAL if match[0][0].isupper() else SMALL) + (mark[0] if mark else "")


def restored(words, tags):
    """Return the text of words with the capitals and marks of their tags."""
    return " ".join(
        (word.capitalize() if tag.startswith(CAPITAL) else word) + tag[len(CAPITAL) :]
        for word, tag in zip(words, tags, strict=True)
    )


# %%
# A table to beat
# ---------------
# Most names can be told by the word alone, and some words often have a comma behind them. The table gives each word its
# most frequent tag of the training part.


def tags_by_table(words, tags, test_words):
    """Return the most frequent tag of each word of `test_words`; unknown words get the most frequent tag of all."""
    counts, of_all = defaultdict(Counter), Counter()
    for paragraph, its_tags in zip(words, tags, strict=True):
        of_all.update(its_tags)
        for word, tag in zip(paragraph, its_tags, strict=True):
            counts[word][tag] += 1
    table, default = {word: count.most_common(1)[0][0] for word, count in counts.items()}, of_all.most_common(1)[0][0]
    return np.array([table.get(word, default) for paragraph in test_words for word in paragraph])


# %%
# The network
# -----------
# ``output="step"`` asks for a target per step: y has an array for each paragraph, as long as its words.


def train(X, tags, vocabulary, args):
    """Fit the classifier."""
    model = RNNClassifier(
        (args.units,), cell=args.cell, bidirectional=args.bidirectional, output="step",
        n_symbols=vocabulary.n_symbols_, embedding_size=64, dropout=0.2, learning_rate_init=2e-3,
        max_iter=args.epochs, random_state=args.seed,
    )  # fmt: skip
    start = time.perf_counter()
    model.fit(X, tags)
    print(f"{(time.perf_counter() - start) / args.epochs:.1f} s an epoch, training loss {model.loss_:.3f}\n")
    return model


# %%
# What was found
# --------------
# Precision: of the tags that were given, how many are right. Recall: of those that should be given, how many are.


def judge(truth, predictions):
    """Print the table; return F1 of each kind of tag for each of several predictions."""
    print(f"Right in capital and mark: {', '.join(_accuracies(truth, predictions))}\n")
    marks = [mark for mark, _ in Counter(tag[len(CAPITAL) :] for tag in truth).most_common()]
    heads = " | ".join(f"{name}: precision | recall | F1" for name in predictions)
    print(f"| tag | words | {heads} |\n|{'---|' * (2 + 3 * len(predictions))}")
    f1 = {name: {} for name in predictions}
    for kind in [CAPITAL, *marks]:
        is_kind = kind_of(truth, kind)
        cells = [KINDS.get(kind, kind), f"{is_kind.sum():,}"]
        for name, tags in predictions.items():
            scores = precision_recall_fscore_support(is_kind, kind_of(tags, kind), average="binary", zero_division=0)
            cells += [f"{score:.3f}" for score in scores[:3]]
            f1[name][KINDS.get(kind, kind)] = scores[2]
        print(f"| {' | '.join(cells)} |")
    return f1


def kind_of(tags, kind):
    """Return which of `tags` have a capital, or this mark."""
    if kind == CAPITAL:
        return np.char.startswith(tags, CAPITAL)
    return np.isin(tags, [SMALL + kind, CAPITAL + kind])


def _accuracies(truth, predictions):
    return [f"{name} {accuracy_score(truth, tags):.4f}" for name, tags in predictions.items()]


def draw(f1, path):
    """Draw bars of F1 for each kind of tag."""
    figure, axes = plt.subplots(figsize=(7, 3), layout="constrained")
    width = 0.8 / len(f1)
    for i, (name, scores) in enumerate(f1.items()):
        axes.bar(np.arange(len(scores)) + i * width, list(scores.values()), width, align="edge", label=name)
    axes.set_xticks(np.arange(len(scores)) + 0.4, list(scores))
    axes.set(ylabel="F1 on the last 10 %", ylim=(0, 1))
    axes.legend(frameon=False)
    figure.savefig(path, dpi=150)
    print(f"\npicture: {path}")


def main():
    parser = argparse.ArgumentParser(description="Restore capitals and punctuation of a text.")
    parser.add_argument("text", help="a text file in UTF-8")
    parser.add_argument("--cell", default="gru", choices=["elman", "gru", "lstm"])
    parser.add_argument("--units", type=int, default=128)
    parser.add_argument("--bidirectional", action="store_true", help="read paragraphs from both ends")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--picture", default="tagging.png")
    args = parser.parse_args()
    words, tags = read_paragraphs(args.text)
    n_train, n_test = len(words) * 8 // 10, len(words) * 9 // 10
    vocabulary = Vocabulary("token", max_symbols=WORDS).fit(words[:n_train])
    model = train(vocabulary.transform(words[:n_train]), [np.array(t) for t in tags[:n_train]], vocabulary, args)
    predicted = model.predict(vocabulary.transform(words[n_test:]))
    by_network = np.asarray(predicted.values)
    by_table = tags_by_table(words[:n_train], tags[:n_train], words[n_test:])
    f1 = judge(np.concatenate([np.array(t) for t in tags[n_test:]]), {args.cell: by_network, "table": by_table})
    passage = next(i for i, paragraph in enumerate(words[n_test:]) if 60 <= len(paragraph) <= 90)
    print(f"\n{' '.join(words[n_test + passage])}\n\n{restored(words[n_test + passage], predicted[passage])}")
    draw(f1, args.picture)


if __name__ == "__main__":
    main()
