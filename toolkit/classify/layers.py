"""The upper layers of a BERT encoder in numpy, with their gradients: what `zhengce train --tune` fits.

In: hidden states of the layers below, (clauses, tokens, width), and which tokens are there. Out: the last
hidden states. Each layer is attention and a feed-forward net, each added to its input and then normalised
(post-norm), with the tanh form of GELU, as llama.cpp computes it.

Arrays are float32 as a rule, and matrices are (out, in).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["PARTS", "Gradients", "Layers", "Pass", "Shape"]

Floats = NDArray[np.floating[Any]]
Weights = Mapping[str, Floats]
Gradients = dict[str, Floats]
Mask = NDArray[np.bool_]

PARTS = (
    "qkv.weight",
    "qkv.bias",
    "out.weight",
    "out.bias",
    "norm1.weight",
    "norm1.bias",
    "up.weight",
    "up.bias",
    "down.weight",
    "down.bias",
    "norm2.weight",
    "norm2.bias",
)
_FAR = np.float32(-1e9)
_CUBE = np.float32(0.044715)
_ROOT = np.float32(np.sqrt(2 / np.pi))


@dataclass(frozen=True)
class Shape:
    """How many heads each layer's attention has, and the normalisation's epsilon."""

    heads: int
    epsilon: float


@dataclass(frozen=True)
class _Kept:
    """What a layer's forward pass leaves for its gradients."""

    tokens: Floats  # (rows, width), and so below
    queries: Floats  # (clauses, heads, tokens, size), and so the next three
    keys: Floats
    values: Floats
    look: Floats  # (clauses, heads, tokens, tokens)
    attended: Floats
    normal1: Floats
    spread1: Floats
    middle: Floats
    raised: Floats  # (rows, inner)
    bent: Floats
    active: Floats
    normal2: Floats
    spread2: Floats


@dataclass(frozen=True)
class Pass:
    """A forward pass: the last hidden states (clauses, tokens, width) and what gradients need."""

    states: Floats
    kept: tuple[_Kept, ...]


@dataclass(frozen=True)
class Layers:
    """Layers one above the other; `weights` maps `0.qkv.weight` and so on to arrays."""

    count: int
    shape: Shape
    weights: Weights

    def forward(self, states: Floats, mask: Mask) -> Pass:
        """Compute the last hidden states; `mask` (clauses, tokens) says which tokens are there."""
        clauses, tokens, width = states.shape
        far = np.where(mask, np.float32(0), _FAR)[:, None, None, :]
        rows = np.ascontiguousarray(states.reshape(-1, width))
        kept = []
        for layer in range(self.count):
            rows, one = self._up(layer, rows, far, (clauses, tokens))
            kept.append(one)
        return Pass(rows.reshape(states.shape), tuple(kept))

    def backward(self, done: Pass, gradient: Floats) -> Gradients:
        """Give every weight's gradient from that of the last hidden states, (clauses, tokens, width)."""
        clauses, tokens, width = gradient.shape
        rows = gradient.reshape(-1, width)
        found: Gradients = {}
        for layer in range(self.count - 1, -1, -1):
            rows = self._down(layer, done.kept[layer], rows, (clauses, tokens), found, last=layer == 0)
        return found

    def _up(self, layer: int, rows: Floats, far: Floats, size: tuple[int, int]) -> tuple[Floats, _Kept]:
        weight = {part: self.weights[f"{layer}.{part}"] for part in PARTS}
        width = rows.shape[1]
        heads = rows @ weight["qkv.weight"].T + weight["qkv.bias"]
        heads = heads.reshape(*size, 3, self.shape.heads, width // self.shape.heads)
        queries, keys, values = (np.ascontiguousarray(heads[:, :, i].transpose(0, 2, 1, 3)) for i in range(3))
        queries *= np.float32((width // self.shape.heads) ** -0.5)
        look = queries @ keys.transpose(0, 1, 3, 2)
        look += far
        look -= look.max(axis=-1, keepdims=True)
        np.exp(look, out=look)
        look /= look.sum(axis=-1, keepdims=True)
        attended = np.ascontiguousarray((look @ values).transpose(0, 2, 1, 3)).reshape(-1, width)
        sum1 = attended @ weight["out.weight"].T
        sum1 += weight["out.bias"]
        sum1 += rows
        normal1, spread1 = self._normalise(sum1)
        middle = normal1 * weight["norm1.weight"] + weight["norm1.bias"]
        raised = middle @ weight["up.weight"].T
        raised += weight["up.bias"]
        bent = np.tanh(_ROOT * raised * (1 + _CUBE * raised * raised))
        active = np.float32(0.5) * raised * (1 + bent)
        sum2 = active @ weight["down.weight"].T
        sum2 += weight["down.bias"]
        sum2 += middle
        normal2, spread2 = self._normalise(sum2)
        above = normal2 * weight["norm2.weight"] + weight["norm2.bias"]
        kept = _Kept(
            *(rows, queries, keys, values, look, attended, normal1, spread1),
            *(middle, raised, bent, active, normal2, spread2),
        )
        return above, kept

    def _down(
        self,
        layer: int,
        kept: _Kept,
        gradient: Floats,
        size: tuple[int, int],
        found: Gradients,
        *,
        last: bool,
    ) -> Floats:
        """Put a layer's gradients into `found`; give the gradient of what came in (not of the `last`)."""
        weight = {part: self.weights[f"{layer}.{part}"] for part in PARTS}

        def note(part: str, value: Floats) -> None:
            found[f"{layer}.{part}"] = value

        note("norm2.weight", np.einsum("rd,rd->d", gradient, kept.normal2))
        note("norm2.bias", gradient.sum(axis=0))
        sum2 = _unnormalise(gradient * weight["norm2.weight"], kept.normal2, kept.spread2)
        note("down.weight", sum2.T @ kept.active)
        note("down.bias", sum2.sum(axis=0))
        raised = sum2 @ weight["down.weight"]
        raised *= _bend(kept.raised, kept.bent)
        note("up.weight", raised.T @ kept.middle)
        note("up.bias", raised.sum(axis=0))
        middle = raised @ weight["up.weight"]
        middle += sum2
        note("norm1.weight", np.einsum("rd,rd->d", middle, kept.normal1))
        note("norm1.bias", middle.sum(axis=0))
        sum1 = _unnormalise(middle * weight["norm1.weight"], kept.normal1, kept.spread1)
        note("out.weight", sum1.T @ kept.attended)
        note("out.bias", sum1.sum(axis=0))
        attended = (sum1 @ weight["out.weight"]).reshape(*size, self.shape.heads, -1).transpose(0, 2, 1, 3)
        attended = np.ascontiguousarray(attended)
        values = kept.look.transpose(0, 1, 3, 2) @ attended
        scores = attended @ kept.values.transpose(0, 1, 3, 2)
        scores -= np.einsum("bhqk,bhqk->bhq", scores, kept.look)[..., None]
        scores *= kept.look
        keys = scores.transpose(0, 1, 3, 2) @ kept.queries
        queries = (scores @ kept.keys) * np.float32(attended.shape[-1] ** -0.5)
        heads = np.stack([queries, keys, values]).transpose(1, 3, 0, 2, 4).reshape(len(gradient), -1)
        note("qkv.weight", heads.T @ kept.tokens)
        note("qkv.bias", heads.sum(axis=0))
        if last:
            return sum1
        return np.asarray(heads @ weight["qkv.weight"] + sum1)

    def _normalise(self, rows: Floats) -> tuple[Floats, Floats]:
        """Bring each row (in place) to mean 0 and deviation 1; give it and 1 / deviation, (rows, 1)."""
        rows -= rows.mean(axis=1, keepdims=True)
        spread = np.einsum("rd,rd->r", rows, rows)[:, None] / np.float32(rows.shape[1])
        spread = 1 / np.sqrt(spread + np.float32(self.shape.epsilon))
        rows *= spread
        return rows, spread


def _unnormalise(gradient: Floats, normal: Floats, spread: Floats) -> Floats:
    """Give the gradient of a row from that of its normalised form."""
    along = np.einsum("rd,rd->r", gradient, normal)[:, None] / np.float32(normal.shape[1])
    gradient = gradient - gradient.mean(axis=1, keepdims=True)
    gradient -= normal * along
    gradient *= spread
    return gradient


def _bend(raised: Floats, bent: Floats) -> Floats:
    """Give the derivative of GELU's tanh form; `bent` is the tanh at `raised`."""
    slope = _ROOT * (1 + 3 * _CUBE * raised * raised)
    slope *= 1 - bent * bent
    slope *= raised
    slope += 1 + bent
    slope *= np.float32(0.5)
    return slope


def named(layers: Sequence[Weights]) -> dict[str, Floats]:
    """Give one mapping, `0.qkv.weight` and so on, of layers' weights from the lowest up."""
    return {f"{at}.{part}": layer[part] for at, layer in enumerate(layers) for part in PARTS}
