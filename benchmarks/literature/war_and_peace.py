"""Measure War and Peace by characters, in the protocol of DeepOBS (`tolstoi_char_rnn`, Schneider et al. 2019)."""

from literature.protocol import run

from numrnn import RNNLanguageModel

PUBLISHED = {"epoch 1": 1.732, "epoch 2": 1.585, "epoch 5": 1.444, "epoch 10": 1.384}  # Adam with the rate 0.0025
CHARACTERS, EPOCHS = 3_266_185, 10


def read_text(folder):
    """Return the text of DeepOBS: without the lines of Project Gutenberg and the table of contents."""
    lines = (folder / "war-and-peace.txt").read_bytes().decode("utf-8").splitlines(keepends=True)
    for first, last in ((1, 29), (5, 775), (63850, 64207)):  # counted after the cut before
        del lines[first - 1 : last]
    text = "".join(lines)
    if len(text) != CHARACTERS:
        raise ValueError(f"{len(text):,} characters: must be {CHARACTERS:,}; take the file that the page names")
    return text


def measure(folder, seed):
    """Return the cross-entropy of the last fifth, in nats, after some epochs on the first four fifths."""
    text = read_text(folder)
    train, test = text[: len(text) * 4 // 5], text[len(text) * 4 // 5 :]
    model = RNNLanguageModel(
        (128, 128), cell="lstm", embedding_size=128, dropout=0.2, batch_size=50, bptt_steps=50, clip_norm=None,
        learning_rate_init=2.5e-3, boundaries=False, restart_rate=0.0, random_state=seed,
    ).initialize(text)  # fmt: skip
    found = {}
    for epoch in range(1, EPOCHS + 1):
        model.partial_fit(train)
        if f"epoch {epoch}" in PUBLISHED:
            found[f"epoch {epoch}"] = float(model.cross_entropy(test))
            print(seed, epoch, found[f"epoch {epoch}"], flush=True)
    return found


if __name__ == "__main__":
    run("war_and_peace", measure, __doc__)
