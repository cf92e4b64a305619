"""Compute the problems of `problems.py` by PyTorch: torch.nn.RNN, GRU and LSTM on packed ragged sequences.

PyTorch's modules take one width for all layers, so a stack is a list of one-layer modules. They have two bias vectors
where numrnn has one: the second stays at zero (a GRU's keeps its last third, `b_Wn`), so that optimisers see the same
parameters. Layers may be bidirectional. Symbols go through torch.nn.Embedding, or in as one-hot vectors. Learned states
are parameters that all sequences share.
"""

import torch
from torch.nn.utils.rnn import pack_sequence, pad_packed_sequence

torch.set_num_threads(1)  # the problems are tiny: threads would only wait for each other
MODULES = {"elman": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}


class Twin:
    """Compute a `Problem` by PyTorch: outputs, objective and gradient under numrnn's names.

    `states` (N, state_size) are those before the first step, layer after layer, an LSTM's memory after its s. A forward
    pass stores those after the last step in `after`, detached. Bidirectional layers have both directions, one after the
    other.
    """

    def __init__(self, problem, dtype=torch.float64, states=None):
        self.problem, self.dtype, self.states, self.after = problem, dtype, states, None
        self.given = self.ends = None  # tensors by module: in the place of `states`, after the last pass
        self.parameters, self.modules, self.embedding = {}, [], None
        weights = {name: torch.tensor(value, dtype=dtype) for name, value in problem.weights.items()}
        if "embedding" in weights:
            self.embedding = torch.nn.Embedding.from_pretrained(weights["embedding"].clone(), freeze=False)
            self.parameters["embedding"] = self.embedding.weight
        self.bidirectional = any(".reverse." in name for name in weights)
        for k in range(sum(name.endswith(".U") for name in weights) // (1 + self.bidirectional)):
            self.modules.append(self._layer(weights, f"layers.{k}."))
        for name in weights:
            if name in ("V", "c") or name.endswith("_0"):
                self.parameters[name] = torch.nn.Parameter(weights[name])
        self.parameters = {name: self.parameters[name] for name in weights if name in self.parameters}

    def _layer(self, weights, prefix):
        H, cell = weights[prefix + "W"].shape[1], self.problem.cell
        options = {"nonlinearity": self.problem.activation} if cell == "elman" else {}
        module = MODULES[cell](
            weights[prefix + "U"].shape[1], H, dtype=self.dtype, bidirectional=self.bidirectional, **options
        )
        self._take(weights, prefix, module, "")
        if self.bidirectional:
            self._take(weights, prefix + "reverse.", module, "_reverse")
        return module

    def _take(self, weights, prefix, module, suffix):
        """Copy the weights into one direction of a module."""
        U, W, b, second = (
            getattr(module, f"{name}_l0{suffix}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        H = W.shape[1]
        with torch.no_grad():
            U.copy_(weights[prefix + "U"])
            W.copy_(weights[prefix + "W"])
            b.copy_(weights[prefix + "b"])
            second.zero_()
            if self.problem.cell == "gru":
                second[2 * H :] = weights[prefix + "b_Wn"]
        self.parameters |= {prefix + "U": U, prefix + "W": W, prefix + "b": b}
        if self.problem.cell == "gru":
            used = torch.arange(3 * H) >= 2 * H
            second.register_hook(lambda grad: grad * used)
            self.parameters[prefix + "b_Wn"] = second
        else:
            second.requires_grad_(False)

    def _inputs(self, x):
        if x.dtype.kind == "f":
            return torch.tensor(x, dtype=self.dtype)
        symbols = torch.tensor(x, dtype=torch.int64)
        if self.embedding is not None:
            return self.embedding(symbols)
        return torch.nn.functional.one_hot(symbols, self.modules[0].input_size).to(self.dtype)

    def _states(self):
        """Return the initial states of each module; None stands for zeros."""
        if self.given is not None:
            return self.given
        is_lstm, learned = self.problem.cell == "lstm", [name for name in self.parameters if name.endswith("_0")]
        if self.states is None and not learned:
            return [None] * len(self.modules)
        kinds, directions = 1 + is_lstm, 1 + self.bidirectional
        widths = [module.hidden_size for module in self.modules for _ in range(directions * kinds)]
        if self.states is None:
            rows = torch.cat([self.parameters[name] for name in learned]).expand(len(self.problem.X), -1)
        else:
            rows = torch.as_tensor(self.states, dtype=self.dtype)
        parts, states = rows.split(widths, dim=1), []
        for k in range(0, len(parts), directions * kinds):
            own = [torch.stack(parts[k + kind : k + directions * kinds : kinds]).contiguous() for kind in range(kinds)]
            states.append(tuple(own) if is_lstm else own[0])
        return states

    @property
    def state_size(self):
        units = sum(module.hidden_size for module in self.modules) * (1 + self.bidirectional)
        return units * (2 if self.problem.cell == "lstm" else 1)

    def activations(self):
        """Compute V s + c: (N, K), or (sum T, K) for output="step"."""
        packed, ends = pack_sequence([self._inputs(x) for x in self.problem.X], enforce_sorted=False), []
        self.ends = []
        for module, state in zip(self.modules, self._states(), strict=True):
            packed, end = module(packed, state)
            self.ends.append(end)
            ends += zip(*end, strict=True) if self.problem.cell == "lstm" else zip(end)
        self.after = torch.cat([part for direction in ends for part in direction], dim=1).detach().numpy()
        padded, lengths = pad_packed_sequence(packed, batch_first=True)
        if self.problem.pooling == "mean":
            tops = padded.sum(1) / lengths[:, None]
        elif self.problem.pooling == "max":
            gone = torch.arange(padded.shape[1])[None, :, None] >= lengths[:, None, None]
            tops = padded.masked_fill(gone, -torch.inf).amax(1)
        elif self.problem.output == "sequence":
            tops = padded[torch.arange(len(lengths)), lengths - 1]
            if self.bidirectional:
                H = padded.shape[2] // 2
                tops = torch.cat([tops[:, :H], padded[:, 0, H:]], dim=1)
        else:
            tops = torch.cat([rows[:length] for rows, length in zip(padded, lengths, strict=True)])
        return tops @ self.parameters["V"].T + self.parameters["c"]

    def outputs(self):
        a = self.activations()
        heads = {"softmax": lambda a: a.softmax(1), "sigmoid": torch.sigmoid, "identity": lambda a: a}
        return heads[self.problem.head](a).detach().numpy()

    def objective(self, alpha=0.0):
        functional, a = torch.nn.functional, self.activations()
        y, w = (torch.from_numpy(array) for array in self.problem.targets())
        if self.problem.head == "softmax":
            each = functional.cross_entropy(a, y, reduction="none")
        elif self.problem.head == "sigmoid":
            each = functional.binary_cross_entropy_with_logits(a, y.to(self.dtype), reduction="none").mean(1)
        else:
            each = functional.mse_loss(a, y.to(self.dtype), reduction="none").mean(1)
        squares = sum(value.square().sum() for name, value in self.parameters.items() if name.split(".")[-1] in "UWV")
        return (w * each).sum() / w.sum() + alpha / 2 * squares

    def named(self, of=lambda parameter: parameter):
        """Return arrays by numrnn's names; of a GRU's second bias only the last third is used."""
        arrays = {}
        for name, parameter in self.parameters.items():
            array = of(parameter).detach().numpy().copy()
            arrays[name] = array[2 * len(array) // 3 :] if name.endswith("b_Wn") else array
        return arrays

    def gradient(self, alpha=0.0):
        for parameter in self.parameters.values():
            parameter.grad = None
        loss = self.objective(alpha)
        loss.backward()
        return loss.item(), self.named(lambda parameter: parameter.grad)

    def train(self, optimizer, n_steps, alpha=0.0, **options):
        """Return the parameters after some full-batch steps of an optimiser of torch.optim."""
        optimizer = getattr(torch.optim, optimizer)(self.parameters.values(), **options)
        for _ in range(n_steps):
            optimizer.zero_grad()
            self.objective(alpha).backward()
            optimizer.step()
        return self.named()


class PairTwin(Twin):
    """Compute an encoder-decoder by PyTorch from an encoder's problem, whose outputs are unused, and a decoder's."""

    def __init__(self, encoder, decoder, dtype=torch.float64):
        H = max(name for name in encoder.weights if name.endswith(".W"))  # of the last layer
        no_head = {"V": torch.zeros(1, encoder.weights[H].shape[1]).numpy(), "c": torch.zeros(1).numpy()}
        self.encoder = Twin(encoder._replace(weights=encoder.weights | no_head), dtype)
        self.decoder = Twin(decoder, dtype)
        self.parameters = {f"encoder.{name}": self.encoder.parameters[name] for name in encoder.weights}
        self.parameters |= {f"decoder.{name}": self.decoder.parameters[name] for name in decoder.weights}

    def objective(self, alpha=0.0):
        self.encoder.activations()
        self.decoder.given = self.encoder.ends
        squares = sum(value.square().sum() for name, value in self.encoder.parameters.items() if name[-1] in "UW")
        return self.decoder.objective(alpha) + alpha / 2 * squares
