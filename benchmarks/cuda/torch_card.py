"""Run training steps and predictions of PyTorch with cuDNN, eager and in CUDA graphs, in float32 and with TF32."""

import torch
from torch_side import TorchSide

WAYS = ("PyTorch", "TF32", "CUDA graph")


class Side:
    """Run PyTorch in one of the `WAYS`; on a CPU, which serves to test the code, the graph is a plain call.

    Parameters
    ----------
    problem : Problem
    way : str
    device : {"cuda", "cpu"}
    """

    def __init__(self, problem, way, device):
        self.way, self.device = way, device
        graph = way == "CUDA graph" and device == "cuda"
        self.side = TorchSide(problem, device, fused=True, capturable=graph)
        self._step = self._predict = None
        if graph:
            self._step, self._predict = captured(lambda: self.side.train(1)), captured(self._classify)

    def gradients(self):
        """Return the gradients by numrnn's names."""
        self._set_precision()
        return self.side.gradients()

    def train(self, steps):
        """Run `steps` training steps and wait until the GPU is idle."""
        self._enqueue(steps)
        self._wait()

    def predict(self):
        """Return the probabilities as a NumPy array, starting from a NumPy array."""
        self._set_precision()
        if self._predict is None:
            return self.side.predict()
        self.side.X.copy_(torch.from_numpy(self.side.problem.X_by_step))
        self._predict()
        return self._probabilities.cpu().numpy()

    def kernel_seconds(self, steps=10):
        """Return the GPU's seconds for a training step by events, which exclude the time of the host."""
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        self.train(2)
        torch.cuda._sleep(200_000_000)  # some 0.1 s, in which all steps come into the queue
        begin.record()
        self._enqueue(steps)
        end.record()
        end.synchronize()
        return begin.elapsed_time(end) / 1e3 / steps

    def _enqueue(self, steps):
        self._set_precision()
        if self._step is None:
            self.side.train(steps)
        else:
            for _ in range(steps):
                self._step()

    def _classify(self):
        with torch.no_grad():
            self._probabilities = torch.softmax(self.side.module(self.side.X), 1)

    def _set_precision(self):
        set_tf32(self.way == "TF32")

    def _wait(self):
        if self.device == "cuda":
            torch.cuda.synchronize()


def set_tf32(allowed):
    """Set whether cuDNN and cuBLAS may round operands to TF32."""
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = allowed


def captured(run):
    """Return a call that replays the work of `run` on the GPU from a CUDA graph in float32."""
    set_tf32(False)
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            run()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        run()
    return graph.replay
