"""Time commands in a process of their own, on bundled data and with compiled kernels."""

import subprocess
import sys
import tempfile

from .common import values_of


class Commands:
    """Time a short fit with its report, a prediction, and the description of a model."""

    params = values_of(["fit", "score", "info"])
    param_names = ["command"]

    def setup(self, command):
        self.folder = tempfile.TemporaryDirectory()
        model = f"{self.folder.name}/fitted"
        self.fit = ["fit", "japanese_vowels", "--max-iter", "2", "--output"]
        self.run(*self.fit, model)
        self.arguments = {
            "fit": [*self.fit, f"{self.folder.name}/again"],
            "score": ["score", model, "japanese_vowels"],
            "info": ["info", model],
        }[command]

    def teardown(self, command):
        self.folder.cleanup()

    def run(self, *arguments):
        subprocess.run([sys.executable, "-m", "numrnn", *arguments], check=True, capture_output=True)

    def time_command(self, command):
        self.run(*self.arguments)
