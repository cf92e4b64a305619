"""Train on more data than memory holds: seconds and anonymous memory of an epoch over sparse shards.

    python benchmarks/large_data.py --size 20GB --buffer 512MB

The files have holes, which take no room on the disk and read as zeros: what is measured is everything but the disk.
"""

import argparse
import json
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from numrnn import RNNClassifier, warmup
from numrnn.data import open_shards
from numrnn.data.batches import WindowReader, epoch_windows
from numrnn.data.byte_sizes import n_bytes
from numrnn.data.shards.format import FORMAT, INDEX, VERSION


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="20GB")
    parser.add_argument("--shard-size", default="256MB")
    parser.add_argument("--buffer", default="512MB")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--inputs", type=int, default=64)
    parser.add_argument("--hidden", type=int, default=8)
    parser.add_argument("--cell", default="elman")
    options = parser.parse_args()
    warmup(cells=[options.cell])
    with tempfile.TemporaryDirectory() as folder:
        make_sparse_shards(Path(folder), options)
        for name, (seconds, processor, peak) in measure(folder, options):
            times = f"{seconds:8.2f} s {processor:8.2f} s of processor"
            print(f"{name:24} {times} {peak / 1e6:8.0f} MB RssAnon", flush=True)


def make_sparse_shards(folder, options):
    """Write shards of sequences of zeros with random labels."""
    row = 4 * options.inputs * options.steps
    per_shard = n_bytes(options.shard_size, "--shard-size") // row
    left, entries, random = n_bytes(options.size, "--size") // row, [], np.random.default_rng(0)
    while left:
        count, name = min(left, per_shard), f"{len(entries):05d}"
        steps, arrays = count * options.steps, {}
        arrays["lengths"] = np.full(count, options.steps)
        arrays["targets"] = random.integers(0, 2, count)
        for kind, array in arrays.items():
            np.save(folder / f"{name}.{kind}.npy", array)
        with open(folder / f"{name}.values.npy", "wb") as file:
            header = {"descr": "<f4", "fortran_order": False, "shape": (steps, options.inputs)}
            np.lib.format.write_array_header_1_0(file, header)
            file.truncate(file.tell() + row * count)
        sizes = {kind: (folder / f"{name}.{kind}.npy").stat().st_size for kind in ("values", *arrays)}
        entries.append({"name": name, "sequences": count, "steps": steps, "bytes": sizes})
        left -= count
    index = {"format": FORMAT, "version": VERSION, "dtype": "<f4", "columns": options.inputs, "targets": "sequence"}
    (folder / INDEX).write_text(json.dumps(index | {"weights": None, "shards": entries}))


def measure(folder, options):
    """Yield what was done, its seconds, and the most anonymous memory of the process meanwhile."""
    X, y, _ = open_shards(folder, buffer=options.buffer)
    print(X)
    print(f"RssAnon so far: {anonymous_memory() / 1e6:.0f} MB")
    yield "an epoch's files read", with_peak(lambda: read_windows(X))
    model = RNNClassifier((options.hidden,), cell=options.cell, max_iter=1, random_state=0)
    yield "fit, one epoch", with_peak(lambda: model.fit(X, y))
    yield "predict", with_peak(lambda: model.predict(X))
    model.set_params(early_stopping=True)
    yield "fit, a tenth held out", with_peak(lambda: model.fit(X, y))


def read_windows(X):
    windows = epoch_windows(X, 32, shuffle=True, key=(0, 0), tile_rows=8)
    for _ in WindowReader(X).read(windows):
        pass


def with_peak(work):
    """Run `work` and return its wall time, its processor time and the peak anonymous memory, sampled every 20 ms."""
    done, peak = threading.Event(), [0]

    def watch():
        while not done.wait(0.02):
            peak[0] = max(peak[0], anonymous_memory())

    watcher = threading.Thread(target=watch)
    watcher.start()
    start, used = time.perf_counter(), time.process_time()
    work()
    seconds, used = time.perf_counter() - start, time.process_time() - used
    done.set()
    watcher.join()
    return seconds, used, peak[0]


def anonymous_memory():
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(1024 * int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon"))


if __name__ == "__main__":
    main()
