"""Compare the update-gate cell with its slow twin: what the tests do with a cell in the package."""

import naive
import numpy as np
from networks import Case, relative_error
from problems import make_problem
from update_gate_cell import UpdateGateNet
from update_gate_twin import update_gate_back, update_gate_step

from numrnn.network import components
from numrnn.solvers import Adam

# The record, in numrnn/network/components.py: two gates, z and n, in this order in U, W and b, and in the planes.
components.CELLS["update_gate"] = components.Cell(UpdateGateNet, 2, planes=(0, 1))

# The rows of the tables in tests/naive.py.
naive.GATES["update_gate"] = 2
naive.STATES["update_gate"] = ("s_0",)
naive.CELLS["update_gate"] = (update_gate_step, update_gate_back)

# What tests/network compares for each cell.
for lengths, output in (((5, 1, 3), "step"), ((40, 33, 2), "sequence")):
    problem = make_problem("update_gate", "tanh", (3, 2), D=2, K=2, lengths=lengths, output=output, head="softmax")
    case = Case(problem)
    outputs = np.vstack(naive.forward(problem.weights, problem.X, **problem.kind))
    assert relative_error(case.predict(), outputs) < 1e-10
    loss, gradient = case.gradient()
    assert relative_error(loss, naive.loss(*problem.data, **problem.kind)) < 1e-10
    expected = naive.gradient(*problem.data, **problem.kind)
    for name, values in case.layout.views(gradient).items():
        assert relative_error(values, expected[name]) < 1e-10, name
    case.train(Adam(), [0.05] * 20)
    assert case.gradient()[0] < loss
