"""Training steps and predictions beside PyTorch in one run, interleaved, with the limit that sgemm sets.

    pip install ".[torch]"
    python benchmarks/peers/speed.py --threads 2 --json speed.json

A training step is forward, BPTT, gradient norm, clipping and Adam on one mini-batch of equal lengths, float32, one
output per sequence. Both sides start from the same weights, and their gradients are compared before anything is timed.
Operations of a step: 2 B T G H (3 H + 2 D); the peak is sgemm at 2048^3 with the same threads, measured between the
others. Numbers are medians over the repeats.
"""

import argparse
import json
import statistics
import time

import numpy as np
import torch
from torch import nn

from numrnn import Sequences
from numrnn.data.batches import full_batch
from numrnn.data.targets import Targets
from numrnn.network import Network, Step
from numrnn.parameters import GATES, Layout, initial_theta
from numrnn.solvers import Adam

SHAPES = [
    (32, 50, 32, 32),
    (32, 100, 32, 64),
    (32, 100, 32, 128),
    (64, 100, 64, 256),
    (64, 50, 128, 512),
    (64, 50, 256, 1024),
]
MODULES = {"elman": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
CLASSES, RATE, CLIP = 2, 1e-3, 1.0
CHUNK = 0.1  # seconds of one timing
# Seconds before each timing. Idle threads of OpenMP and OpenBLAS spin before they sleep: without a pause they took
# the cores from the next side, and our steps were up to 1.7 times as long.
PAUSE = 0.2


class Problem:
    """One shape and cell on both sides, from the same weights."""

    def __init__(self, cell, shape, threads):
        self.B, self.T, self.D, self.H = shape
        random = np.random.default_rng(0)
        X = random.standard_normal((self.B, self.T, self.D)).astype(np.float32)
        y = random.integers(0, CLASSES, self.B)
        self._make_numrnn(cell, X, y, threads)
        self._make_torch(cell, X, y)

    def _make_numrnn(self, cell, X, y, threads):
        self.layout = Layout(n_inputs=self.D, hidden_layer_sizes=(self.H,), cell=cell, n_outputs=CLASSES)
        self.theta = initial_theta(self.layout, "tanh", 0, np.float32)
        self.network = Network(self.layout, n_jobs=threads)
        self.data, self.targets = Sequences.from_array(X), Targets(y)
        self.batch = full_batch(self.data.lengths, self.network.tile_rows)
        self.grad, self.before = np.zeros_like(self.theta), self.theta.copy()
        self.solver, self.n_updates = Adam(), 0
        self.state = self.solver.init_state(self.theta)

    def _make_torch(self, cell, X, y):
        self.recurrent, self.output = MODULES[cell](self.D, self.H), nn.Linear(self.H, CLASSES)
        weights = {name: torch.from_numpy(value.copy()) for name, value in self.layout.views(self.theta).items()}
        with torch.no_grad():
            self.recurrent.weight_ih_l0.copy_(weights["layers.0.U"])
            self.recurrent.weight_hh_l0.copy_(weights["layers.0.W"])
            self.recurrent.bias_ih_l0.copy_(weights["layers.0.b"])
            self.recurrent.bias_hh_l0.zero_()
            self.output.weight.copy_(weights["V"])
            self.output.bias.copy_(weights["c"])
        self.parameters = [*self.recurrent.parameters(), *self.output.parameters()]
        self.optimizer = torch.optim.Adam(self.parameters, lr=RATE)
        self.X, self.y = torch.from_numpy(X.transpose(1, 0, 2).copy()), torch.from_numpy(y)

    def torch_forward(self):
        _, state = self.recurrent(self.X)
        return self.output((state[0] if isinstance(state, tuple) else state)[0])

    def check(self):
        """Largest relative error of our gradient of W against PyTorch's."""
        self.network.gradient(self.theta, self.data, self.targets, self.batch, self.grad)
        nn.functional.cross_entropy(self.torch_forward(), self.y).backward()
        ours, theirs = self.layout.views(self.grad)["layers.0.W"], self.recurrent.weight_hh_l0.grad.numpy()
        return float(np.abs(ours - theirs).max() / np.abs(theirs).max())

    def train_numrnn(self, steps):
        scalars = np.array([self.solver.scalars(RATE, self.n_updates + 1 + n) for n in range(steps)])
        step = Step(self.solver.rule(), self.state, scalars, clip_norm=CLIP)
        batches = [self.batch] * steps
        self.network.train(self.theta, self.data, self.targets, batches, step, self.grad, self.before)
        self.n_updates += steps

    def train_torch(self, steps):
        for _ in range(steps):
            self.optimizer.zero_grad()
            nn.functional.cross_entropy(self.torch_forward(), self.y).backward()
            nn.utils.clip_grad_norm_(self.parameters, CLIP)
            self.optimizer.step()

    def predict_numrnn(self, steps):
        for _ in range(steps):
            self.network.predict(self.theta, self.data)

    def predict_torch(self, steps):
        with torch.inference_mode():
            for _ in range(steps):
                torch.softmax(self.torch_forward(), 1)


def seconds(run, steps):
    """Seconds of one of so many steps."""
    started = time.perf_counter()
    run(steps)
    return (time.perf_counter() - started) / steps


def interleaved(runs, repeats):
    """Median seconds a step of each of several functions of a number of steps, in turns."""
    counts = {}
    for name, run in runs.items():
        run(2)
        counts[name] = max(1, int(CHUNK / seconds(run, 2)))
    times = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            time.sleep(PAUSE)
            times[name].append(seconds(run, counts[name]))
    return {name: statistics.median(values) for name, values in times.items()}


def measure(cell, shape, threads, repeats):
    """One row: times, ratios and the fraction of sgemm's speed."""
    problem = Problem(cell, shape, threads)
    error = problem.check()
    if error > 1e-4:
        raise SystemExit(f"{cell} {shape}: gradients differ by {error:.1e}")
    square = np.ones((2048, 2048), np.float32)
    product = np.empty_like(square)

    def multiply(steps):
        for _ in range(steps):
            np.matmul(square, square, out=product)

    train = interleaved({"numrnn": problem.train_numrnn, "torch": problem.train_torch, "sgemm": multiply}, repeats)
    predict = interleaved({"numrnn": problem.predict_numrnn, "torch": problem.predict_torch}, repeats)
    B, T, D, H = shape
    operations = 2 * B * T * GATES[cell] * H * (3 * H + 2 * D)
    peak = 2 * 2048**3 / train["sgemm"]
    return {
        "cell": cell,
        "shape": shape,
        "gradient_error": error,
        "train_ms": {side: 1e3 * train[side] for side in ("numrnn", "torch")},
        "train_ratio": train["torch"] / train["numrnn"],
        "gflops": operations / train["numrnn"] / 1e9,
        "sgemm_gflops": peak / 1e9,
        "fraction_of_peak": operations / train["numrnn"] / peak,
        "predict_ms": {side: 1e3 * predict[side] for side in ("numrnn", "torch")},
        "predict_ratio": predict["torch"] / predict["numrnn"],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--cells", nargs="+", default=list(MODULES), choices=list(MODULES))
    parser.add_argument("--json", help="file for the figures")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    rows = []
    print("| cell | B, T, D, H | numrnn ms | PyTorch ms | ratio | GFLOP/s | of sgemm | prediction ms | PyTorch | |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for cell in arguments.cells:
        for shape in SHAPES:
            row = measure(cell, shape, arguments.threads, arguments.repeats)
            rows.append(row)
            train, predict = row["train_ms"], row["predict_ms"]
            cells = [
                cell,
                ", ".join(map(str, shape)),
                f"{train['numrnn']:.3f}",
                f"{train['torch']:.3f}",
                f"{row['train_ratio']:.1f}",
                f"{row['gflops']:.0f}",
                f"{row['fraction_of_peak']:.2f}",
                f"{predict['numrnn']:.3f}",
                f"{predict['torch']:.3f}",
                f"{row['predict_ratio']:.1f}",
            ]
            print(f"| {' | '.join(cells)} |", flush=True)
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump({"threads": arguments.threads, "torch": torch.__version__, "rows": rows}, file, indent=1)


if __name__ == "__main__":
    main()
