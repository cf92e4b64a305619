"""Memory that a network works in, kept from call to call: what is in it never matters between two calls."""

from numrnn.placement import (
    aligned_zeros,
    least_bytes,
    make_limited_scratch,
    make_scratch,
    make_whole_scratch,
    stored_bytes,
)

KEPT_BYTES = 1 << 20  # memory of a prediction is kept for the next up to this size, or that of the weights


class Workspaces:
    """Scratch of threads, and the gradients that they share.

    Parameters
    ----------
    net : kernels' record of a network
    bidirectional : bool
    gradient_size : int
        Of a tile's gradient.
    tile_rows : int
        Sequences in a tile of training.
    memory_limit : int, optional
        Bytes that training may take: what `needed_bytes` counts.

    Attributes
    ----------
    kept_bytes : int
        Memory of a prediction is kept up to this size, or that of the weights.
    """

    def __init__(self, net, *, bidirectional, gradient_size, tile_rows, memory_limit=None):
        self._net, self._gradient_size, self._tile_rows = net, gradient_size, tile_rows
        self._bidirectional, self.memory_limit = bidirectional, memory_limit
        self._rows, self._threads, self._share = tile_rows, 1, None  # of a tile; that share; bytes of one, None: any
        self._make_scratch = make_whole_scratch if bidirectional else make_scratch
        self.kept_bytes = KEPT_BYTES
        self._of_threads, self._nodes, self._spare = {}, self._gradients(0), {}

    def __getstate__(self):
        return {**self.__dict__, "_of_threads": {}, "_nodes": self._gradients(0), "_spare": {}}

    @property
    def packed(self):
        """The packed weights."""
        return self._net.packed

    def needed_bytes(self, threads, longest, rows, node_tiles, nodes):
        """The fewest bytes in which so many threads train on tiles of so many sequences of up to `longest` steps: their
        scratch and the gradients that wait to be summed, in mini-batches of so many nodes.
        """
        scratch = stored_bytes(self._net, self._tile_rows, longest, bidirectional=self._bidirectional)
        if not self._bidirectional:
            scratch = min(scratch, least_bytes(self._net, rows, longest))
        return threads * scratch + self._sum_bytes(threads, node_tiles, nodes)

    def _sum_bytes(self, threads, node_tiles, nodes):
        return (threads * _levels(node_tiles) + nodes) * self._gradient_size * self._net.packed.itemsize

    def share_out(self, threads, rows, node_tiles, nodes, taken):
        """Say how much each thread may take of the limit, of which so many bytes are taken."""
        share = (self.memory_limit - taken - self._sum_bytes(threads, node_tiles, nodes)) // threads
        if self._share is None or (threads, share, rows) != (self._threads, self._share, self._rows):
            self._of_threads = {}
        self._rows, self._threads, self._share = rows, threads, share

    def of_thread(self, thread, longest, node_tiles):
        """Scratch of a thread to train in, and the gradients that wait for their neighbours."""
        known, known_tiles, scratch, levels = self._of_threads.pop(thread, (0, 0, None, None))
        if longest > known:
            known, scratch = longest, None  # the memory is free before there is other
            scratch = self._scratch_to_train(longest)
        if node_tiles > known_tiles:
            known_tiles, levels = node_tiles, self._gradients(_levels(node_tiles))
        self._of_threads[thread] = known, known_tiles, scratch, levels
        return scratch, levels

    def _scratch_to_train(self, longest):
        if self._share is not None:
            stored = stored_bytes(self._net, self._tile_rows, longest, bidirectional=self._bidirectional)
            if stored > self._share:
                return make_limited_scratch(self._net, self._rows, longest, self._share)
        return self._make_scratch(self._net, self._tile_rows, longest, one_block=False)

    def nodes(self, count):
        """Gradients of at least so many nodes of a mini-batch, (nodes, gradient_size)."""
        if len(self._nodes) < count:
            self._nodes = None  # likewise
            self._nodes = self._gradients(count)
        return self._nodes

    def take(self, tile_rows, longest):
        """Memory to predict in, of a call that is over, or new; pop and append are atomic."""
        try:
            scratch = self._spare[tile_rows].pop()
        except (KeyError, IndexError):
            scratch = None
        if scratch is None or len(scratch.active) < longest:
            scratch = self._make_scratch(self._net, tile_rows, longest, one_block=True)
        return scratch

    def give(self, tile_rows, scratch):
        """Put memory of a call that is over aside for the next one, unless it is large."""
        size = scratch.work.nbytes + scratch.active.nbytes + scratch.blocks.nbytes
        if size <= max(self.kept_bytes, self._net.packed.nbytes):
            self._spare.setdefault(tile_rows, []).append(scratch)

    def _gradients(self, count):
        return aligned_zeros(count * self._gradient_size, self._net.packed.dtype).reshape(count, self._gradient_size)


def _levels(node_tiles):
    """Gradients of tiles of a node that wait for their neighbours."""
    return max(1, node_tiles.bit_length() - 1)
