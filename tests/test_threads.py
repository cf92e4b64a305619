"""Parts of a mini-batch on threads: results in order, no error lost, no thread left at work."""
import threading
import time

import pytest

from numrnn.threads import run_parts


def test_results_come_in_the_order_of_the_parts_and_the_first_runs_here():
    names = {}

    def work(part):
        names[part] = threading.current_thread()
        return 10 * part

    assert run_parts(work, [3, 1, 2]) == [30, 10, 20]
    assert names[3] is threading.current_thread()
    assert threading.current_thread() not in (names[1], names[2])


def test_an_error_on_another_thread_reaches_the_caller():
    def work(part):
        if part == 2:
            raise ZeroDivisionError("part 2")

    with pytest.raises(ZeroDivisionError, match="part 2"):
        run_parts(work, [0, 1, 2])


def test_an_error_of_the_caller_waits_for_the_others_because_they_use_its_arrays():
    done = []

    def work(part):
        if part == 0:
            raise KeyboardInterrupt
        time.sleep(0.05)
        done.append(part)

    with pytest.raises(KeyboardInterrupt):
        run_parts(work, [0, 1, 2])
    assert sorted(done) == [1, 2]
