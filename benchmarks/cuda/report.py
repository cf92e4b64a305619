"""Measure everything that needs a GPU and write it to docs/design/cuda_report.rst.

    pip install '.[cuda,test]' torch --extra-index-url https://download.pytorch.org/whl/cu130
    python benchmarks/cuda/report.py --text war_and_peace.txt

The report holds the tests on the GPU, identical bits in 20 runs, compute-sanitizer (memcheck, racecheck, synccheck),
the parity table with the CPU, training steps and predictions compared with PyTorch and cuDNN, and a language model's
epochs on War and Peace (Project Gutenberg's number 2600). compute-sanitizer comes with NVIDIA's toolkit (the package
cuda-sanitizer of its repositories) and has to be on the PATH; PyTorch has to be a build for CUDA 13. Cells say what is
missing.

Rows with the same first cell are measured in one process of their own. If a process fails or does not end, its rows
are marked and the others are measured. Without a GPU the page is one sentence that says so.

    python benchmarks/cuda/report.py --sections checks bits parity     (the page then holds these figures alone)
"""

import argparse
import datetime
import importlib.util
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "benchmarks" / "peers"))

from page import EMPTY, cells_of, failed, groups, page  # noqa: E402
from sections import Plan, sections_of, watch  # noqa: E402

from numrnn.network.cuda.device import check_device  # noqa: E402
from numrnn.versions import versions  # noqa: E402

PAGE = ROOT / "docs" / "design" / "cuda_report.rst"
BESIDE_TORCH = "training", "events", "prediction", "text"
FACTS = "GPU", "GPU driver", "numrnn", "numba", "numba-cuda", "cupy-cuda13x", "torch"


def main():
    """Measure, and write the page."""
    arguments = _arguments()
    if arguments.watch:
        watch(Plan())
        return
    if arguments.rows:
        name, group = arguments.rows
        plan = Plan(text=arguments.text, torch=torch_device() if name in BESIDE_TORCH else None)
        measure(sections_of(plan)[name], group)
        return
    sections = sections_of(Plan(text=arguments.text))
    reason = why_not()
    if reason:
        print(f"{reason}: the report stays empty", file=sys.stderr)
        PAGE.write_text(written(sections, {}, None))
    else:
        results = {}
        for name in arguments.sections or sections:
            for group in groups(sections[name]):
                results |= in_process(name, sections[name], group, arguments.text)
                PAGE.write_text(written(sections, results, f"Measured on {datetime.date.today()}."))
    print(PAGE)


def written(sections, results, when):
    """Return the text of the page; without results one sentence."""
    known = versions() if results else {}
    facts = [(name, known.get(name, EMPTY)) for name in FACTS]
    command = "``python benchmarks/cuda/report.py``"
    if results:
        introduction = f"Written by {command}. {when}"
    else:
        introduction = f"Nothing has been measured on a GPU yet; {command} on a machine that has one writes this page."
    return "\n".join(page(sections, results, facts, introduction)).rstrip() + "\n"


def measure(section, group):
    """Print the rows that begin with a word, each as a line of JSON, as they come."""
    for key in section.keys:
        if str(key[0]) == group:
            print(json.dumps([key, cells_of(section, key)]), flush=True)


def in_process(name, section, group, text):
    """Measure rows in another process: (name, key) -> cells of all of them."""
    command = [sys.executable, __file__, "--rows", name, group, *(["--text", text] if text else [])]
    print(name, group, file=sys.stderr, flush=True)
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, start_new_session=True)
    try:
        lines, errors = process.communicate(timeout=section.seconds)
        reason = (errors.strip().splitlines() or [f"exit status {process.returncode}"])[-1]
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # with what it has started: compute-sanitizer, tests
        lines, _ = process.communicate()
        reason = f"no end after {section.seconds:g} s"
    rows = {}
    for line in lines.splitlines():
        if line.startswith("[["):
            key, cells = json.loads(line)
            rows[name, tuple(key)] = [tuple(cell) for cell in cells]
    keys = [key for key in section.keys if str(key[0]) == group]
    return {(name, key): rows.get((name, key)) or failed(section, key, reason) for key in keys}


def why_not():
    """Return the reason why nothing can be measured, or None if there is a GPU."""
    try:
        check_device("cuda")
    except (ImportError, RuntimeError) as error:
        return str(error)
    return None


def torch_device():
    """Return PyTorch's device, or None if PyTorch is not installed or has no GPU."""
    if importlib.util.find_spec("torch") is None:
        return None
    import torch

    return "cuda" if torch.cuda.is_available() else None


def _arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--text", help="War and Peace in UTF-8")
    parser.add_argument("--sections", nargs="+", choices=list(sections_of(Plan())), help="all unless told otherwise")
    parser.add_argument(
        "--rows", nargs=2, metavar=("SECTION", "FIRST"), help="print rows as JSON: what the report runs"
    )
    parser.add_argument("--watch", action="store_true", help="train: what compute-sanitizer watches")
    return parser.parse_args()


if __name__ == "__main__":
    main()
