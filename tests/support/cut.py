"""A fit that is cut off."""


class Cut:
    """Ends a fit by an error when it is asked for the n-th time, as a kill would."""

    def __init__(self, at):
        self.left = at

    def on_progress(self, info):
        self.left -= 1
        if not self.left:
            raise MemoryError("cut")
