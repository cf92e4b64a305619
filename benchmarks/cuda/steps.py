"""Training steps and predictions on a card: numrnn's, and those of PyTorch with cuDNN.

A step is forward, loss, backward, weight gradients, a step of Adam: a layer, a softmax over its last states. Times are
by the clock, with the card idle before and after, in microseconds a step: the median of several measurements.
"""

import statistics
import time
from typing import NamedTuple

import numpy as np

STEPS, CLASSES = 100, 10  # of a sequence; of the softmax
MEASUREMENTS = 7  # of each time
SHAPES = [(32, 8, 32), (32, 16, 64), (32, 32, 128), (256, 32, 128), (1024, 32, 128)]
SHAPES += [(64, 64, 256), (64, 128, 512), (64, 256, 1024)]
CELLS = "elman", "gru", "lstm"


class Times(NamedTuple):
    """Microseconds of a training step and of a prediction, of one mini-batch each."""

    training: float
    prediction: float


def problem(B, D):
    """Sequences of one length (B, T, D), and classes (B,)."""
    random = np.random.default_rng(0)
    return random.standard_normal((B, STEPS, D)).astype(np.float32), random.integers(0, CLASSES, B)


def network_of(cell, D, H, device, dtype=np.float32):
    """A network of one layer, its first weights."""
    from numrnn.gpu.network import CudaNetwork
    from numrnn.network import Network
    from numrnn.parameters import Layout, initial_theta

    layout = Layout(n_inputs=D, hidden_layer_sizes=(H,), cell=cell, n_outputs=CLASSES)
    network = (CudaNetwork if device == "cuda" else Network)(layout, dtype=dtype)
    return network, initial_theta(layout, "tanh", 0, dtype)


def trained(cell, B, D, H, device, steps):
    """Theta after so many steps of Adam on one mini-batch, and the losses."""
    from numrnn import Sequences
    from numrnn.data.batches import full_batch
    from numrnn.data.targets import Targets
    from numrnn.solvers import Adam
    from numrnn.steps import Step

    X, y = problem(B, D)
    network, theta = network_of(cell, D, H, device)
    data, solver = Sequences.from_list(list(X)), Adam()
    batch = full_batch(data.lengths, network.tile_rows)

    def train(count):
        scalars = np.array([solver.scalars(1e-3, n + 1) for n in range(count)])
        step = Step(solver.rule(), solver.init_state(theta), scalars)
        before, grad = theta.copy(), np.empty_like(theta)
        return network.train(theta, data, Targets(y), [batch] * count, step, grad, before)

    return network, theta, data, train, train(steps).losses


def numrnn_times(cell, B, D, H):
    """Times of numrnn on the card."""
    network, theta, data, train, _ = trained(cell, B, D, H, "cuda", 3)

    def training():
        # Of many steps less those of a few: what a call costs once lies outside.
        few, many = (_clock(lambda count=count: train(count)) for count in (10, 60))
        return (many - few) / 50

    return Times(_median(training), _median(lambda: _clock(lambda: network.predict(theta, data))))


def torch_times(cell, B, D, H, *, tf32=False, graph=False):
    """Times of PyTorch: eager, or the whole step in a CUDA graph."""
    import torch

    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = tf32
    X, y = (torch.as_tensor(part, device="cuda") for part in problem(B, D))
    kind = {"elman": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}[cell]
    layer, head = kind(D, H, batch_first=True).cuda(), torch.nn.Linear(H, CLASSES).cuda()
    solver = torch.optim.Adam([*layer.parameters(), *head.parameters()], fused=True, capturable=graph)

    def train():
        solver.zero_grad(set_to_none=True)
        torch.nn.functional.cross_entropy(head(layer(X)[0][:, -1]), y).backward()
        solver.step()

    def predict():
        with torch.no_grad():
            head(layer(X)[0][:, -1])

    runs = [_in_graph(run) if graph else run for run in (train, predict)]

    def timed(run):
        def several():
            for _ in range(20):
                run()
            torch.cuda.synchronize()

        several()
        return _median(lambda: _clock(several) / 20)

    return Times(*map(timed, runs))


def _in_graph(run):
    import torch

    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        for _ in range(3):
            run()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        run()
    return graph.replay


def _clock(run):
    start = time.perf_counter()
    run()
    return (time.perf_counter() - start) * 1e6


def _median(measure):
    return statistics.median(measure() for _ in range(MEASUREMENTS))
