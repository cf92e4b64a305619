"""Log what is compiled: with NUMRNN_COMPILE_LOG=FILE in the environment, `pytest` appends to FILE.

Each line is a specialisation: seconds, kernel, types, and the test that needed it. Kernels that are read from the cache
are not listed, and neither are kernels that a test compiles in processes of its own. To add the lines up:
``python tests/support/compiling.py FILE``.
"""

import os
import re
import sys
import time
from collections import Counter
from pathlib import Path

TYPES = r"\b(Elman|GRU|LSTM)Net\b|\b(Whole|Limited)Scratch\b|\bSymbolData\b|\bfloat(?:32|64)\b"


def begin():
    """Log compilations from now on."""
    from numba.core import event

    class Log(event.Listener):
        """Log compilations that are not part of another one."""

        depth, kernels = 0, set()

        def on_start(self, event):
            self.depth += 1
            if self.depth == 1:
                self.started = time.perf_counter()
                # Coverage traces the first specialisation of a kernel only, which runs all lines of ours that a
                # compiler calls: to trace Numba's own lines in all of them made compiling 40 % slower.
                kernel = event.data["dispatcher"].py_func
                self.tracer = sys.gettrace() if kernel in self.kernels else None
                self.kernels.add(kernel)
                if self.tracer:
                    self.tracer.stop()

        def on_end(self, event):
            self.depth -= 1
            if self.depth == 0:
                if self.tracer:
                    self.tracer.start()
                write(time.perf_counter() - self.started, event.data["dispatcher"], event.data["args"])

    event.register("numba:compile", Log())


def write(seconds, dispatcher, arguments):
    """Append a specialisation to the log."""
    signature = " ".join(map(str, arguments))
    words = list(dict.fromkeys(match[0] for match in re.finditer(TYPES, signature)))
    if "Net" in signature and not re.search(r"none\)? x|none\)", signature):
        words.append("pooling")
    line = f"{seconds:.3f} {dispatcher.py_func.__qualname__} {'+'.join(words) or '-'}"
    with open(os.environ["NUMRNN_COMPILE_LOG"], "a") as file:
        file.write(f"{line} {os.environ.get('PYTEST_CURRENT_TEST', '-')}\n")


def main(path):
    seconds, count = Counter(), Counter()
    for line in Path(path).read_text().splitlines():
        time_taken, name = line.split()[:2]
        seconds[name] += float(time_taken)
        count[name] += 1
    print(f"{len(count)} entry points, {count.total()} specialisations, {seconds.total():.0f} s of compiling")
    for name, total in seconds.most_common(12):
        print(f"{total:7.1f} s  {count[name]:4}  {name}")


if __name__ == "__main__":
    main(sys.argv[1])
