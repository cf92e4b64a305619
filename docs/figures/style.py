"""Save figures as SVG that takes the colour of the page's text, so that it is readable on light and dark pages."""

import io
import re

import matplotlib

COLOURS = {"Elman": "#d1495b", "GRU": "#2a9d8f", "LSTM": "#3b82c4"}  # contrast above 3 on white and on the dark theme
INK = "#010203"  # replaced by currentColor
STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "numrnn",
    "font.size": 11,
    "font.family": "sans-serif",
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
}


def save_svg(figure, path, title):
    """Save a matplotlib figure as an SVG element for HTML pages, without colours of paper and ink of its own.

    `title` is the text that screen readers read.
    """
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    text = buffer.getvalue().replace(INK, "currentColor")
    text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    text = re.sub(r'<svg ([^>]*?)width="[^"]*"', r'<svg class="numrnn-figure" role="img" \1', text, count=1)
    text = re.sub(r'(<svg [^>]*?)height="[^"]*"', r"\1", text, count=1)
    text = re.sub(r"(<svg [^>]*>)", rf"\1\n <title>{title}</title>", text, count=1)
    text = re.sub(r"font-family: [^;]*;", "font-family: sans-serif;", text).replace("*{", "svg.numrnn-figure *{")
    path.write_text("\n".join(line.rstrip() for line in text.splitlines()) + "\n", encoding="utf-8")


def new_figure(width, height, rows=1, **options):
    """Return a figure in this style, with its axes."""
    matplotlib.rcParams.update(STYLE)
    from matplotlib import pyplot

    return pyplot.subplots(rows, figsize=(width, height), layout="constrained", **options)
