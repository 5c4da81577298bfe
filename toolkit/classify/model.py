"""The trained classifier: clauses in, their codes with calibrated scores out; one file on disk.

The file is a zip of numpy arrays (`numpy.load` without pickle) and a JSON text `about`: the taxonomy, the
format, and what its training measured. Reading one runs no code of its maker's.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from toolkit.classify.attention import Attention
from toolkit.classify.calibration import Calibration
from toolkit.classify.encoder import About, arrays_of, load_reader, tuned_of
from toolkit.classify.grams import Grams
from toolkit.classify.layers import Shape
from toolkit.classify.linear import Linear
from toolkit.classify.members import Members, Reader, read
from toolkit.classify.review import ReviewCurve
from toolkit.classify.taxonomy import Taxonomy
from toolkit.classify.tuning import Tuned
from toolkit.errors import InputError
from toolkit.records import Labelling, content_id
from toolkit.tables import replacing

__all__ = ["DEFAULT", "Classifier", "Stage"]

DEFAULT = Path(__file__).with_name("default.npz")
_FORMAT = 3
_BATCH = 256
_BROKEN = (
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    EOFError,
    zipfile.BadZipFile,
    ValidationError,
)

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Stage:
    """How a stage's margins become scores, and what review accepts at which precision."""

    calibration: Calibration
    review: ReviewCurve


@dataclass(frozen=True)
class Classifier:
    """Gives clauses their codes.

    The first stage, `fast`, sees n-grams alone. The second, `full`, also reads the embedding model's
    token states; it is used where the file has it and a `reader` is there. `encoder` says which layers of
    that model were fitted, None where none were. `about` holds what training measured, as JSON.
    `fingerprint` identifies weights, calibration, taxonomy and stage, for ledgers.
    """

    taxonomy: Taxonomy
    members: Members
    fast: Stage
    full: Stage | None = None
    reader: Reader | None = None
    encoder: About | None = None
    about: dict[str, Any] = field(default_factory=dict)
    fingerprint: str = ""

    @property
    def stage(self) -> str:
        """Name the stage that decides."""
        if self.full is None or self.reader is None:
            return "linear"
        return "attention" if self.encoder is None else "encoder"

    @property
    def calibration(self) -> Calibration:
        """The deciding stage's calibration."""
        return self._stage.calibration

    @property
    def review(self) -> ReviewCurve:
        """The deciding stage's measured precisions."""
        return self._stage.review

    @property
    def _stage(self) -> Stage:
        return self.fast if self.full is None or self.reader is None else self.full

    @classmethod
    def load(cls, path: str | Path | None = None, *, fast: bool = False) -> Classifier:
        """Read a classifier's file; None is the one that ships with the toolkit.

        With `fast` the n-grams decide and no model is loaded. Otherwise ModelError where the embedding
        model is not installed and the file wants it.
        """
        source = DEFAULT if path is None else Path(path)
        try:
            data = source.read_bytes()
            with np.load(io.BytesIO(data), allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
            about = json.loads(arrays.pop("about").tobytes())
            found = _unpack(arrays, about, hashlib.sha256(data).hexdigest()[:16])
        except OSError as error:
            reason = error.strerror or "it is not a zip file"
            raise InputError(f"cannot read the classifier {source}: {reason}") from error
        except _BROKEN as error:
            raise InputError(
                f"{source} is not a classifier's file", hint="make one: zhengce train LABELS.tsv --out FILE"
            ) from error
        if fast or found.full is None:
            return replace(found, fingerprint=f"{found.fingerprint}:linear")
        from toolkit.embed.states import TokenStates

        reader = TokenStates() if found.encoder is None else load_reader(found.encoder)
        return replace(found, reader=reader, fingerprint=f"{found.fingerprint}:{reader.fingerprint}")

    def save(self, path: str | Path) -> None:
        """Write the file, whole or not at all."""
        arrays = _pack(self)
        with replacing(Path(path)) as partial, open(partial, "wb") as file:
            np.savez_compressed(file, **arrays)

    def classify(
        self, texts: Sequence[str], *, ids: Sequence[str] | None = None, progress: Progress | None = None
    ) -> list[Labelling]:
        """Code the clauses in their order; a text of white space alone gets no code.

        Without `ids` a clause's id is its content's hash. `progress` gets the number done so far.
        """
        found: list[Labelling] = []
        for at in range(0, len(texts), _BATCH):
            batch = texts[at : at + _BATCH]
            scores, chosen = self.judge(batch)
            for row, text in enumerate(batch):
                name = ids[at + row] if ids is not None else content_id(text)
                found.append(self._labelling(name, text, scores[row], chosen[row]))
            if progress is not None:
                progress(len(found))
        return found

    def judge(self, texts: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Give every code's probability and whether it is chosen, (texts, codes) in the taxonomy's order."""
        reader = None if self.full is None else self.reader
        return self.calibration.judge(self.members.margins(read(texts, reader)))

    def _labelling(
        self, name: str, text: str, scores: NDArray[np.float64], chosen: NDArray[np.bool_]
    ) -> Labelling:
        ids = self.taxonomy.ids
        if not text.strip():
            return Labelling(
                id=name, text=text, labels=(), scores=dict.fromkeys(map(str, ids), 0.0), stage="empty"
            )
        return Labelling(
            id=name,
            text=text,
            labels=tuple(sorted(ids[code] for code in np.flatnonzero(chosen))),
            scores={str(code): round(float(score), 4) for code, score in zip(ids, scores, strict=True)},
            stage=self.stage,
        )


# ------------------------------------------------------------------ the file
def _pack(classifier: Classifier) -> dict[str, Any]:
    members = classifier.members
    about = {
        **classifier.about,
        "format": _FORMAT,
        "longest": members.grams.longest,
        "members": len(members.linear),
        "neural": len(members.neural),
        "encoder": None if classifier.encoder is None else classifier.encoder.model_dump(mode="json"),
        "taxonomy": classifier.taxonomy.model_dump(mode="json", by_alias=True),
    }
    arrays: dict[str, Any] = {
        "grams": _bytes("\n".join(members.grams.columns)),
        "idf": members.grams.idf.astype(np.float16),
    }
    for at, linear in enumerate(members.linear):
        scale = np.abs(linear.weights).max(axis=0) / 127 + 1e-12
        arrays[f"weights{at}"] = np.round(linear.weights / scale).astype(np.int8)
        arrays[f"scale{at}"] = scale.astype(np.float32)
        arrays[f"offsets{at}"] = linear.offsets
    for at, one in enumerate(members.neural):
        if isinstance(one, Tuned):
            arrays |= {f"tuned{at}_{name}": value for name, value in arrays_of(one).items()}
        else:
            for part in fields(one):
                arrays[f"attention{at}_{part.name}"] = getattr(one, part.name).astype(np.float16)
    for prefix, stage in (("", classifier.fast), ("full_", classifier.full)):
        if stage is not None:
            arrays[f"{prefix}review"] = stage.review.points
            for name in _CALIBRATION:
                arrays[prefix + name] = getattr(stage.calibration, name)
    return {"about": _bytes(json.dumps(about, ensure_ascii=False, sort_keys=True)), **arrays}


def _unpack(arrays: dict[str, NDArray[Any]], about: dict[str, Any], fingerprint: str) -> Classifier:
    if about["format"] != _FORMAT:
        raise InputError(
            f"the classifier has the format {about['format']}, and this version reads {_FORMAT}",
            hint="train it again: zhengce train LABELS.tsv --out FILE",
        )
    taxonomy = Taxonomy.model_validate(about["taxonomy"])
    names = arrays["grams"].tobytes().decode("utf-8").split("\n")
    linear = tuple(
        Linear(arrays[f"weights{at}"].astype(np.float32) * arrays[f"scale{at}"], arrays[f"offsets{at}"])
        for at in range(about["members"])
    )
    encoder = None if about["encoder"] is None else About.model_validate(about["encoder"])
    neural = tuple(_unpack_neural(arrays, at, encoder) for at in range(about["neural"]))
    idf = arrays["idf"].astype(np.float32)
    shape = (len(names), len(taxonomy.codes))
    if len(idf) != len(names) or any(member.weights.shape != shape for member in linear):
        raise ValueError("the arrays do not fit together")
    grams = Grams({gram: at for at, gram in enumerate(names)}, idf, about["longest"])
    return Classifier(
        taxonomy=taxonomy,
        members=Members(grams, linear, neural),
        fast=_unpack_stage(arrays, ""),
        full=_unpack_stage(arrays, "full_") if neural else None,
        encoder=encoder,
        about=about,
        fingerprint=fingerprint,
    )


def _unpack_neural(arrays: dict[str, NDArray[Any]], at: int, encoder: About | None) -> Attention | Tuned:
    if encoder is None:
        names = {part.name: f"attention{at}_{part.name}" for part in fields(Attention)}
        return Attention(**{name: arrays[stored].astype(np.float32) for name, stored in names.items()})
    prefix = f"tuned{at}_"
    own = {name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)}
    return tuned_of(own, count=encoder.layers, shape=Shape(encoder.heads, encoder.epsilon))


def _unpack_stage(arrays: dict[str, NDArray[Any]], prefix: str) -> Stage:
    calibration = Calibration(**{name: arrays[prefix + name] for name in _CALIBRATION})
    return Stage(calibration, ReviewCurve(arrays[f"{prefix}review"]))


_CALIBRATION = tuple(part.name for part in fields(Calibration))


def _bytes(text: str) -> NDArray[np.uint8]:
    return np.frombuffer(text.encode("utf-8"), dtype=np.uint8)
