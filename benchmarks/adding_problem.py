"""Measure whether networks learn the adding problem over 100 steps.

    python benchmarks/adding_problem.py

trains on new sequences of 100 steps and prints the mean squared error on 2,000 others. A model that always answers 1
has an error of 1/6 = 0.167 (Hochreiter & Schmidhuber 1997; Le, Jaitly, Hinton 2015).
"""

import argparse
import time

import numpy as np
from sklearn.base import clone

from numrnn import RNNRegressor
from numrnn.datasets import make_adding_problem

GOAL = 0.01


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cell", choices=("gru", "lstm"), default="gru")
    parser.add_argument("--length", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    X, y = make_adding_problem(n=10_000, length=arguments.length, random_state=arguments.seed)
    X_test, y_test = make_adding_problem(n=2_000, length=arguments.length, random_state=arguments.seed + 1_000_000)
    model = RNNRegressor(
        hidden_layer_sizes=(32,),
        cell=arguments.cell,
        learning_rate_init=0.01,
        learning_rate="cosine",
        max_iter=10,
        random_state=arguments.seed,
        verbose=True,
    )
    clone(model).set_params(max_iter=1, verbose=False).fit(X[:64], y[:64])  # compiles
    started = time.perf_counter()
    model.fit(X, y)
    seconds = time.perf_counter() - started
    error = np.mean((model.predict(X_test) - y_test) ** 2)
    guess = np.mean((y.mean() - y_test) ** 2)
    verdict = "reached" if error < GOAL else "NOT reached"
    print(
        f"{arguments.cell}, {arguments.length} steps: test MSE {error:.5f}, constant guess {guess:.3f}, "
        f"{seconds:.1f} s of training; the goal of {GOAL} is {verdict}"
    )


if __name__ == "__main__":
    main()
