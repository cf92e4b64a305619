"""Run predictions of the network as the RNN, GRU or LSTM operator of ONNX in ONNX Runtime."""

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

OPERATORS = {"elman": "RNN", "gru": "GRU", "lstm": "LSTM"}
# ONNX's gate order in terms of ours: z, r, h of r, z, n and i, o, f, c of i, f, g, o.
ORDERS = {"elman": [0], "gru": [1, 0, 2], "lstm": [0, 3, 1, 2]}


def _arrays(problem):
    """Return W (1, G*H, D), R (1, G*H, H), B (1, 2*G*H) and the head's weights."""
    weights, order, H = problem.weights, ORDERS[problem.cell], problem.H

    def reordered(array):
        gates = np.split(array, len(order))
        return np.concatenate([gates[n] for n in order])

    b_R = np.zeros(len(order) * H, np.float32)
    if problem.cell == "gru":
        b_R[2 * H :] = weights["layers.0.b_Wn"]
    return {
        "W": reordered(weights["layers.0.U"])[None],
        "R": reordered(weights["layers.0.W"])[None],
        "B": np.concatenate([reordered(weights["layers.0.b"]), b_R])[None],
        "V": weights["V"],
        "c": weights["c"],
        "axes": np.array([0], np.int64),
    }


def _model(problem, steps, states):
    """Build the ONNX model.

    Inputs are X (steps, rows, D) and, with `states`, the previous states (1, rows, H). Outputs are p (rows, K) and,
    with `states`, the new states.
    """
    names = (["s", "cell"] if problem.cell == "lstm" else ["s"]) if states else []
    outputs = ["", "s_T", "cell_T"] if problem.cell == "lstm" else ["", "s_T"]
    attributes = {"hidden_size": problem.H}
    if problem.cell == "gru":
        attributes["linear_before_reset"] = 1
    nodes = [
        helper.make_node(OPERATORS[problem.cell], ["X", "W", "R", "B", "", *names], outputs, **attributes),
        helper.make_node("Squeeze", ["s_T", "axes"], ["last"]),
        helper.make_node("Gemm", ["last", "V", "c"], ["logits"], transB=1),
        helper.make_node("Softmax", ["logits"], ["p"], axis=1),
    ]

    def value(name, *shape):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    graph = helper.make_graph(
        nodes,
        "network",
        [value("X", steps, "rows", problem.D), *(value(name, 1, "rows", problem.H) for name in names)],
        [value("p", "rows", len(problem.weights["c"])), *(value(f"{name}_T", 1, "rows", problem.H) for name in names)],
        [numpy_helper.from_array(np.ascontiguousarray(array), name) for name, array in _arrays(problem).items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


class OnnxSide:
    """Run predictions on (T, B, D), the only layout of the operators that ONNX Runtime offers on a CPU."""

    def __init__(self, problem, threads):
        self.problem, self.threads = problem, threads
        self.session = self._session(problem.T, states=False)

    def _session(self, steps, states):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        model = _model(self.problem, steps, states).SerializeToString()
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def predict(self):
        """Return the probabilities as a NumPy array, starting from a NumPy array."""
        return self.session.run(None, {"X": self.problem.X_by_step})[0]

    def stepper(self, x):
        """Return a call that predicts from one more step x (D,) of a stream, as `predict_step` does."""
        session = self._session(1, states=True)
        names = [value.name for value in session.get_inputs()][1:]
        state = {name: np.zeros((1, 1, self.problem.H), np.float32) for name in names}

        def call():
            p, *after = session.run(None, {"X": x[None, None], **state})
            state.update(zip(names, after, strict=True))
            return int(p[0].argmax())

        return call
