"""Repeat a measurement over seeds, and keep what it found in a JSON file."""

import argparse
import json
import os
import platform
import time
import warnings
from pathlib import Path

RESULTS = Path(__file__).with_name("results")


def read(path):
    """Return the results in a file, or none of any seed if there is no file."""
    return json.loads(path.read_text()) if path.exists() else {"seeds": {}}


def run(name, measure, description, seeds=3):
    """Measure for each seed not yet in results/NAME.json; `measure(folder, seed)` returns a dict of figures.

    A figure is the mean of a test part. Whatever was chosen among settings or epochs was chosen by validation data.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("folder", type=Path, help="folder that holds the data")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(seeds)))
    options = parser.parse_args()
    path = RESULTS / f"{name}.json"
    results = read(path)
    results["command"] = f"python -m literature.{name} FOLDER"
    results["machine"] = f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores"
    for seed in options.seeds:
        if str(seed) in results["seeds"]:
            continue
        start = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            found = measure(options.folder, seed)
        results["seeds"][str(seed)] = found | {"minutes": round((time.perf_counter() - start) / 60, 2)}
        path.write_text(json.dumps(results, indent=1) + "\n")
        print(name, seed, results["seeds"][str(seed)], flush=True)
