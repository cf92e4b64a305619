"""Compare a whole `fit` on sequences of 1 to 100 steps with one on the same number of steps in equal lengths.

The ragged data are 2,000 sequences, 20 of each length, in random order; the equal data are 2,020 sequences of 50 steps.
Mini-batches of 32 come from length buckets by default. To measure without buckets, `shuffle=False` takes neighbours in
the random order, whatever their length.
"""

import numpy as np
from measure import Figure, Table, interleaved
from problem import CLASSES
from whole_fit import estimator

from numrnn import Sequences

D, UNITS = 8, (32, 128)
BOUNDS = {"buckets": 1.15, "no buckets": 1.35}
COLUMNS = ["cell", "H", "equal ms an epoch", "ragged ms", "equal, unshuffled ms", "ragged, no buckets ms", *BOUNDS]


def _data(lengths):
    values = np.random.default_rng(0).standard_normal((lengths.sum(), D)).astype(np.float32)
    return Sequences.from_concatenated(values, lengths), np.arange(len(lengths)) % CLASSES


def run(options):
    """Measure a row for each cell and number of units."""
    table = Table("Ragged: lengths uniform in 1..100 over equal lengths", COLUMNS)
    equal, ragged = _data(np.full(2020, 50)), _data(np.random.default_rng(1).permutation(np.arange(2000) % 100 + 1))
    for cell in options.cells:
        for units in UNITS:

            def fit(data, shuffle, cell=cell, units=units):
                return lambda epochs: estimator(cell, options.threads, epochs, units, shuffle=shuffle).fit(*data)

            runs = {
                "equal": fit(equal, True),
                "ragged": fit(ragged, True),
                "equal, unshuffled": fit(equal, False),
                "ragged, no buckets": fit(ragged, False),
            }
            times = interleaved(runs, options.repeats)
            ratios = {
                "buckets": times["ragged"] / times["equal"],
                "no buckets": times["ragged, no buckets"] / times["equal, unshuffled"],
            }
            table.add(
                [cell, units, *(1e3 * seconds for seconds in times.values())],
                [Figure(name, ratio, BOUNDS[name], at_most=True) for name, ratio in ratios.items()],
                cell=cell,
                units=units,
                seconds_per_epoch=times,
            )
    return table.rows
