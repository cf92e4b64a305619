"""What the work of a network costs: how many threads it is worth, and how long it may run before a look at signals.

Nothing here changes a result.
"""

from numrnn.kernels.cpu import unit_parallel
from numrnn.kernels.cpu.micro_kernel import WIDE as WIDE_PANELS
from numrnn.kernels.cpu.micro_kernel import panel_width
from numrnn.network.components import GATES

FLOPS_PER_CALL = 2e9  # a guess of what may run between two looks at signals; then the clock decides
FLOPS_PER_TILE_STEP = 2e4  # what the smallest step costs in time: 1 us or so
FEWEST_ROWS = 4  # fewer take as long: W comes from memory then
FLOPS_PER_THREAD = 4e5  # less than this is not worth another thread
FLOPS_PER_CALLED_THREAD = 1e7  # likewise where a pool has to be asked for every prediction: 50 us
FLOPS_PER_MEMBER = 1e5  # likewise of a step whose units threads share: to meet takes 0.2 us
FLOPS_PER_OUTPUT = 16  # what a softmax and its loss cost in time


class Workload:
    """Threads and steps for work with a network.

    Parameters
    ----------
    layout : Layout
    per_step : bool
        Whether there is an output for each step.
    pooling : {"last", "mean", "max"}
    dtype : float32 or float64
    tile_rows : int
        Sequences in a tile.
    """

    def __init__(self, layout, *, per_step, pooling, dtype, tile_rows):
        sizes, gates, directions = layout.hidden_layer_sizes, GATES[layout.cell], len(layout.prefixes(0))
        widths = (0 if layout.picks_rows_of_U else layout.n_inputs, *(directions * H for H in sizes))
        self._flops_per_step = sum(2 * directions * gates * H * (H + D) for D, H in zip(widths, sizes, strict=False))
        if per_step:
            self._flops_per_step += 2 * layout.n_outputs * (widths[-1] + FLOPS_PER_OUTPUT)
        panels = -(-max(sizes) // panel_width(dtype))
        in_teams = layout.n_symbols is None and not layout.bidirectional and pooling == "last"
        self._largest_team = min(unit_parallel.MOST, panels // WIDE_PANELS) if in_teams else 1
        self._tile_rows = tile_rows

    def training_threads(self, steps, tiles, n_jobs):
        """How many threads a mini-batch of so many steps in so many tiles is worth."""
        flops = 3 * self._flops_per_step * steps
        return int(max(1, min(n_jobs, tiles, flops // FLOPS_PER_THREAD)))

    def useful_threads(self, data):
        """How many threads predictions of these sequences are worth."""
        flops = self._flops_per_step * int(data.offsets[-1])
        at_once = -(-len(data) // self._tile_rows) * self.team_size(len(data))
        return int(max(1, min(at_once, flops // FLOPS_PER_CALLED_THREAD)))

    def team_size(self, sequences):
        """How many threads may share the units of a tile; 1: a tile is one thread's."""
        flops = min(sequences, self._tile_rows) * self._flops_per_step
        return int(max(1, min(self._largest_team, flops // FLOPS_PER_MEMBER)))

    def budget(self, passes, longest, tile_rows):
        """Steps of a tile after which the main thread leaves compiled code; 0 where a share of the work is longer."""
        steps = self._steps_per_call(passes, tile_rows)
        return steps if longest <= steps else 0

    def fits_one_call(self, steps):
        """Whether signals may wait until a sequence of so many steps is done."""
        return self.budget(1, steps, 1) > 0

    @property
    def steps_per_call(self):
        """Steps of one sequence, at least 1, for which signals may wait."""
        return max(1, self._steps_per_call(1, 1))

    def _steps_per_call(self, passes, tile_rows):
        flops = max(FLOPS_PER_TILE_STEP, passes * self._flops_per_step * max(FEWEST_ROWS, tile_rows))
        return int(FLOPS_PER_CALL / flops)
