"""The embedding model parted in two: layers below that stay as they are, layers above that are fitted.

In: the installed weight file. Out: `Encoder`: a reader of the lower layers' states (llama.cpp) and the
upper layers (numpy). Fits that were finished are kept, so that an interrupted training goes on.
"""

from __future__ import annotations

import hashlib
import json
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.classify.attention import Attention
from toolkit.classify.layers import Layers, Shape, named
from toolkit.classify.tuning import Tuned, TuningRecipe, fit_tuned, pack, unpack
from toolkit.embed import weight_file
from toolkit.embed.states import TokenStates
from toolkit.embed.weights import read_layers
from toolkit.errors import InputError
from toolkit.models import cache_folder
from toolkit.models.catalogue import EMBEDDING_MODEL, require
from toolkit.records import Record
from toolkit.tables import replacing

__all__ = ["FITTED", "About", "Encoder", "Fits", "arrays_of", "load_encoder", "load_reader", "tuned_of"]

FITTED = 6
"""How many of the upper layers are fitted."""
_DAYS = 14
_VERSION = 1  # raise it when the same clauses would be fitted otherwise
_FAULTS = (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile)

Progress = Callable[[int, int], None]


class About(Record):
    """Which layers of which embedding model were fitted: `layers` of them from number `first` on."""

    first: int
    layers: int
    heads: int
    epsilon: float
    model: str


@dataclass(frozen=True)
class Encoder:
    """`reader` gives the states that `upper`, the layers from number `first` on, take in; `model` is the
    SHA-256 of their weight file."""

    reader: TokenStates
    upper: Layers
    first: int
    model: str

    @property
    def about(self) -> About:
        """What a classifier's file says of the encoder it was fitted with."""
        return About(first=self.first, layers=self.upper.count, model=self.model, **asdict(self.upper.shape))


def load_encoder() -> Encoder:
    """Load the installed embedding model, its upper layers to be fitted; ModelError where none is there."""
    whole = read_layers(weight_file())
    first = len(whole.layers) - FITTED
    upper = whole.layers[first:]
    return Encoder(
        reader=TokenStates(layers=first),
        upper=Layers(len(upper), Shape(whole.heads, whole.epsilon), named(upper)),
        first=first,
        model=require(EMBEDDING_MODEL).sha256,
    )


def load_reader(about: About) -> TokenStates:
    """Give the reader of the states that fitted layers take in.

    ModelError where the embedding model is not installed, InputError where it is another one.
    """
    if about.model != require(EMBEDDING_MODEL).sha256:
        raise InputError(
            "the classifier was fitted to another embedding model than the installed one",
            hint="train it again: zhengce train LABELS.tsv --tune --out FILE",
        )
    return TokenStates(layers=about.first)


class Fits:
    """Finished fits in a folder, each under what it was fitted to; those of two weeks ago are removed."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or cache_folder() / "tuning"

    def fit(
        self,
        encoder: Encoder,
        texts: Sequence[str],
        states: Sequence[NDArray[np.float16]],
        truth: NDArray[np.int8],
        recipe: TuningRecipe | None = None,
        *,
        progress: Progress | None = None,
    ) -> Tuned:
        """Give the fit to these clauses: the one that is kept, or a new one, which is then kept."""
        recipe = recipe or TuningRecipe()
        path = self._folder / f"{_key(encoder, texts, truth, recipe)}.npz"
        found = _load(path, encoder)
        if found is None:
            self._sweep()
            path.parent.mkdir(parents=True, exist_ok=True)
            arrays: dict[str, Any] = arrays_of(
                fit_tuned(encoder.upper, states, truth, recipe, progress=progress)
            )
            with replacing(path) as partial, open(partial, "wb") as file:
                np.savez(file, **arrays)
            found = tuned_of(arrays, count=encoder.upper.count, shape=encoder.upper.shape)
        return found

    def _sweep(self) -> None:
        for path in self._folder.glob("*.npz"):
            if time.time() - path.stat().st_mtime > _DAYS * 86400:
                path.unlink(missing_ok=True)


def arrays_of(tuned: Tuned) -> dict[str, NDArray[Any]]:
    """Give a fit as arrays for a file: matrices of the layers as int8, the rest as float16 and float32."""
    head = {f"head.{part.name}": getattr(tuned.head, part.name) for part in fields(Attention)}
    return {**pack(tuned.layers), **head}


def tuned_of(arrays: Mapping[str, NDArray[Any]], *, count: int, shape: Shape) -> Tuned:
    """Give the fit of `arrays_of`'s arrays: of so many layers. KeyError where one is not there."""
    layers = {name: value for name, value in arrays.items() if not name.startswith("head.")}
    head = {p.name: arrays[f"head.{p.name}"].astype(np.float32) for p in fields(Attention)}
    return Tuned(unpack(layers, count=count, shape=shape), Attention(**head))


def _load(path: Path, encoder: Encoder) -> Tuned | None:
    """Read a kept fit; one that cannot be read is as good as none."""
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        return tuned_of(arrays, count=encoder.upper.count, shape=encoder.upper.shape)
    except FileNotFoundError:
        return None
    except _FAULTS:
        path.unlink(missing_ok=True)
        return None


def _key(encoder: Encoder, texts: Sequence[str], truth: NDArray[np.int8], recipe: TuningRecipe) -> str:
    about = [_VERSION, encoder.model, encoder.first, asdict(recipe), list(texts), truth.tolist()]
    return hashlib.sha256(json.dumps(about, ensure_ascii=False).encode("utf-8")).hexdigest()[:32]
