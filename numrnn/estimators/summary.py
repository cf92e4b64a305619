"""Describe the layers of a network, and what a fit did, as text and as HTML."""

import html
import math
from typing import NamedTuple

import numpy as np

WIDTH, HEIGHT, LEFT, BOTTOM = 330, 150, 56, 26  # of the learning curve, and of the room for its labels
LONGEST = 9  # characters of a label of the y axis
CELL = "padding:0.15em 0.9em 0.15em 0;text-align:left"
LINES = {"loss": ("training", "#0072B2", ""), "validation_loss": ("validation", "#D55E00", "5 3")}


class Part(NamedTuple):
    """Describe a layer, the embedding or the output of a network."""

    name: str
    shapes: dict  # shape of each parameter by its short name
    size: int  # number of parameters


def parts_of(shapes):
    """Return the parts of a network as a list of `Part`, given the shapes of its parameters by name."""
    found = {}
    for name, shape in shapes.items():
        place, _, short = name.rpartition(".")
        if short in ("V", "c"):
            place = f"{place}.output".lstrip(".")
        elif short == "embedding":
            place = name
        found.setdefault(place, {})[short] = shape
    return [Part(name, own, sum(map(math.prod, own.values()))) for name, own in found.items()]


def text_of(title, shapes, facts):
    """Return a table of the parts of a network with a title above and facts (name and value) below."""
    rows = [("part", "parameters", "number")]
    rows += [(part.name, _shapes_as_text(part.shapes), f"{part.size:,}") for part in parts_of(shapes)]
    rows.append(("total", "", f"{sum(map(math.prod, shapes.values())):,}"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [f"{name:<{widths[0]}}  {text:<{widths[1]}}  {count:>{widths[2]}}" for name, text, count in rows]
    rule = "-" * len(lines[0])
    table = [lines[0], rule, *lines[1:-1], rule, lines[-1]]
    return "\n".join([title, *table, *(f"{name}: {value}" for name, value in facts.items())])


def facts_of(history):
    """Return what a fit recorded last as a dict of texts; `history` is `history_`, or None before a fit."""
    if not history or not len(history["loss"]):
        return {}
    facts = {"epochs": f"{len(history['loss'])}", "loss": f"{history['loss'][-1]:.4g}"}
    for name in ("validation_loss", "validation_score"):
        if name in history and not math.isnan(history[name][-1]):
            facts[name.replace("_", " ")] = f"{history[name][-1]:.4g}"
    seconds = float(np.sum(history["seconds"]))
    return facts | {"seconds": f"{seconds:.3g}"}


def html_of(title, shapes, history):
    """Return the parts of a network as an HTML table, with the learning curve as inline SVG."""
    rows = [_row("th", "part", "parameters", "number")]
    rows += [_row("td", part.name, _shapes_as_text(part.shapes), f"{part.size:,}") for part in parts_of(shapes)]
    rows.append(_row("th", "total", "", f"{sum(map(math.prod, shapes.values())):,}"))
    facts = ", ".join(f"{name} {value}" for name, value in facts_of(history).items())
    curve = f'<div style="max-width:{WIDTH}px">{curve_of(history)}<div>{html.escape(facts)}</div></div>'
    return (
        '<div class="numrnn-network" style="display:flex;flex-wrap:wrap;gap:2em;align-items:flex-start;'
        'font:13px sans-serif;margin:0.5em 0">'
        f'<table style="border-collapse:collapse;font:inherit"><caption style="{CELL};font-weight:bold">'
        f"{html.escape(title)}</caption>{''.join(rows)}</table>{curve if facts else ''}</div>"
    )


def _row(tag, name, text, count):
    cells = "".join(f'<{tag} style="{CELL}">{html.escape(each)}</{tag}>' for each in (name, text))
    return f'<tr>{cells}<{tag} style="{CELL};text-align:right">{count}</{tag}></tr>'


def curve_of(history):
    """Return the loss over the epochs as inline SVG; the axis is logarithmic if all losses are positive."""
    curves = {name: np.asarray(history[name], float) for name in LINES if name in history}
    curves = {name: values for name, values in curves.items() if np.isfinite(values).any()}
    if not curves:
        return ""
    every = np.concatenate([values[np.isfinite(values)] for values in curves.values()])
    scale = np.log if (every > 0).all() else lambda values: values
    low, high = float(every.min()), float(every.max())
    drawn, legend = [], []
    for name, values in curves.items():
        label, colour, dash = LINES[name]
        drawn.append(_line(list(_points(scale(values), scale(low), scale(high))), colour, dash))
        legend.append(f'<tspan fill="{colour}">{label}</tspan>')
    middle, end = (LEFT + WIDTH) / 2, HEIGHT - BOTTOM
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" '
        'aria-label="loss over the epochs" fill="currentColor" font-size="11">'
        f'<path d="M{LEFT} 8V{end}H{WIDTH - 4}" fill="none" stroke="currentColor" stroke-opacity="0.5"/>'
        f"{''.join(drawn)}{_labels(low, high)}"
        f'<text x="{middle}" y="{HEIGHT - 8}" text-anchor="middle">epoch (1 to {len(history["loss"])})</text>'
        f'<text x="{WIDTH - 6}" y="14" text-anchor="end">loss: {" ".join(legend)}</text></svg>'
    )


def _line(points, colour, dash):
    """Return a curve through points (x, y); a single point is a dot, since a line through it would be invisible."""
    if len(points) == 1:
        return f'<circle cx="{points[0][0]:.1f}" cy="{points[0][1]:.1f}" r="3" fill="{colour}"/>'
    places = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    style = f'fill="none" stroke="{colour}" stroke-width="1.6" stroke-dasharray="{dash}"'
    return f'<polyline points="{places}" {style}/>'


def _labels(low, high):
    """Return the labels of the y axis: both ends with digits that tell them apart, or one if they would not fit."""
    end = HEIGHT - BOTTOM
    for digits in range(3, 7):
        texts = f"{high:.{digits}g}", f"{low:.{digits}g}"
        if texts[0] != texts[1] and max(map(len, texts)) <= LONGEST:
            places = zip((16, end), texts, strict=True)
            return "".join(f'<text x="{LEFT - 5}" y="{y}" text-anchor="end">{text}</text>' for y, text in places)
    return f'<text x="{LEFT - 5}" y="{end / 2 + 12:.0f}" text-anchor="end">{low:.3g}</text>'


def _points(values, low, high):
    """Yield the positions of the finite values of a curve."""
    right, end = WIDTH - 8, HEIGHT - BOTTOM - 4
    for n, value in enumerate(values):
        if np.isfinite(value):
            x = LEFT + (right - LEFT) * (n / (len(values) - 1) if len(values) > 1 else 0.5)
            yield x, end - (end - 20) * ((value - low) / (high - low) if high > low else 0.5)


def _shapes_as_text(shapes):
    return "  ".join(f"{name} {shape}" for name, shape in shapes.items())
