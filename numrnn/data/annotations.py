"""Name the types of data that public functions accept, for type annotations."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, Union

from numpy.typing import ArrayLike

if TYPE_CHECKING:
    from numrnn.data.sequences import Sequences
    from numrnn.data.shards.sequences import ShardedSequences

# Sequences of any lengths: a container, an array or table, or a list of arrays, frames or texts
SequencesLike: TypeAlias = Union["Sequences", "ShardedSequences", ArrayLike, Sequence[Any]]
# One target per sequence or per step, in the same forms
TargetsLike: TypeAlias = SequencesLike
# Weights per sequence or per step
WeightsLike: TypeAlias = SequencesLike
