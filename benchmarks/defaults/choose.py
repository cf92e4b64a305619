"""Compare parameters on parts of the training data, in stages, to choose the defaults of classifier and regressor.

Each figure is a mean over splits of the training part of a data set, whose test part is not read. The file of results
keeps what was measured, so that a run that was interrupted goes on.
"""

import argparse
import json
import time
import warnings
from pathlib import Path

import numpy as np
from defaults.data_sets import CHOOSING, quality, splits_of

CELLS, RATES = ("elman", "gru", "lstm"), (1e-3, 3e-3, 1e-2)
BASE = {"hidden_layer_sizes": 64, "max_iter": 100, "batch": (16, 8, 32), "learning_rate": "constant", "clip_norm": 1.0}
GRU = {"cell": "gru", "learning_rate_init": 3e-3}
STAGES = {
    "cell and rate": [{"cell": cell, "learning_rate_init": rate} for cell in CELLS for rate in RATES],
    "schedule": [GRU | {"learning_rate_init": rate, "learning_rate": "cosine"} for rate in RATES],
    "batch": [GRU | {"batch": rule} for rule in (32, (8, 8, 32), (16, 4, 32), (16, 8, 64), (32, 4, 32), (32, 2, 32))],
    "first biases": [GRU | {"biases": range_} for range_ in ((0, 0), (1, 1), (2, 2), (3, 3), (0, 5), (-1, 4))],
    "units": [GRU | {"hidden_layer_sizes": units} for units in (32, 128, (64, 64))],
    "clipping": [GRU | {"clip_norm": norm} for norm in (None, 5.0)],
    "epochs": [GRU | {"max_iter": epochs} for epochs in (50, 200)],
}


def batch_size(rule, n):
    """Return the number of sequences of a mini-batch: the rule (k, least, most) means n / k within these bounds."""
    if isinstance(rule, int):
        return rule
    k, least, most = rule
    return min(max(n // k, least), most)


def spread_biases(model, first, last):
    """Set the initial biases of the update gates of GRU layers, evenly from the first to the last value."""
    weights = {name: values.copy() for name, values in model.weights_.items() if name.endswith(".b")}
    for values in weights.values():
        gate = np.split(values, 3)[1]
        gate[...] = np.linspace(first, last, len(gate))
    model.set_weights(weights)


def measure(data, parameters, seed):
    """Return the curve of points on validation data (mean over splits), the points at the end, and process seconds."""
    parameters = BASE | parameters
    rule, biases = parameters.pop("batch"), parameters.pop("biases", None)
    curves, seconds = [], 0.0
    for train, held in splits_of(data):
        options = data.task | {"batch_size": batch_size(rule, len(train)), "random_state": seed, "n_jobs": 1}
        model = data.estimator(**parameters, **options)
        (X, y), (X_val, y_val) = (([data.X[i] for i in ids], [data.y[i] for i in ids]) for ids in (train, held))
        if biases is not None:
            spread_biases(model.set_params(warm_start=True).initialize(X, y), *biases)
        start = time.process_time()
        try:
            model.fit(X, y, X_val=X_val, y_val=y_val)
        except ArithmeticError as error:
            print("diverged:", error)
            return {"points": 0.0, "curve": [], "seconds": time.process_time() - start}
        seconds += time.process_time() - start
        pairs = zip(model.validation_loss_curve_, model.validation_scores_, strict=True)
        curves.append([quality(data, *pair) for pair in pairs])
    means = [sum(values) / len(curves) for values in zip(*curves, strict=True)]
    return {"points": means[-1], "curve": [round(x, 2) for x in means[4::5]], "seconds": round(seconds, 2)}


def main():
    """Measure the stages asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="folder that holds the files of the data sets")
    parser.add_argument("--stage", choices=STAGES, nargs="+", default=list(STAGES))
    parser.add_argument("--results", type=Path, default=Path(__file__).with_name("choose.json"))
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    results = json.loads(options.results.read_text()) if options.results.exists() else {}
    for make in CHOOSING:
        data = make(options.folder)
        for stage in options.stage:
            for parameters in STAGES[stage]:
                row = results.setdefault(stage, {}).setdefault(json.dumps(parameters), {})
                if make.__name__ not in row:
                    found = row[make.__name__] = measure(data, parameters, options.seed)
                    options.results.write_text(json.dumps(results, indent=1) + "\n")
                    print(stage, parameters, make.__name__, found["points"], found["seconds"], flush=True)


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        main()
