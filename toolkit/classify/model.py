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
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from toolkit.classify.calibration import Calibration, choose
from toolkit.classify.grams import Grams
from toolkit.classify.linear import Linear
from toolkit.classify.review import ReviewCurve
from toolkit.classify.taxonomy import Taxonomy
from toolkit.errors import InputError
from toolkit.records import Labelling, content_id
from toolkit.tables import replacing

__all__ = ["DEFAULT", "Classifier"]

DEFAULT = Path(__file__).with_name("default.npz")
_FORMAT = 1
_BATCH = 256

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Classifier:
    """Gives clauses their codes.

    `members` are linear models over the same grams; `about` holds what training measured, as JSON.
    `fingerprint` identifies weights, calibration and taxonomy, for ledgers.
    """

    taxonomy: Taxonomy
    grams: Grams
    members: tuple[Linear, ...]
    calibration: Calibration
    review: ReviewCurve
    about: dict[str, Any] = field(default_factory=dict)
    fingerprint: str = ""

    @classmethod
    def load(cls, path: str | Path | None = None) -> Classifier:
        """Read a classifier's file; None is the one that ships with the toolkit."""
        source = DEFAULT if path is None else Path(path)
        try:
            data = source.read_bytes()
            with np.load(io.BytesIO(data), allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
            about = json.loads(arrays.pop("about").tobytes())
            if about["format"] != _FORMAT:
                raise InputError(
                    f"{source} has the classifier format {about['format']}, and this version reads {_FORMAT}",
                    hint="train it again: zhengce train LABELS.tsv --out FILE",
                )
            return _unpack(arrays, about, hashlib.sha256(data).hexdigest()[:16])
        except OSError as error:
            reason = error.strerror or "it is not a zip file"
            raise InputError(f"cannot read the classifier {source}: {reason}") from error
        except (
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            EOFError,
            zipfile.BadZipFile,
            ValidationError,
        ) as error:
            raise InputError(
                f"{source} is not a classifier's file", hint="make one: zhengce train LABELS.tsv --out FILE"
            ) from error

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
        names = [str(code) for code in self.taxonomy.ids]
        for at in range(0, len(texts), _BATCH):
            batch = texts[at : at + _BATCH]
            scores = self.scores(batch)
            chosen = choose(scores, self.calibration.threshold)
            for row, text in enumerate(batch):
                empty = not text.strip()
                labels = () if empty else _labels(self.taxonomy, scores[row], chosen[row])
                found.append(
                    Labelling(
                        id=ids[at + row] if ids is not None else content_id(text),
                        text=text,
                        labels=labels,
                        scores={
                            name: 0.0 if empty else round(float(score), 4)
                            for name, score in zip(names, scores[row], strict=True)
                        },
                        stage="empty" if empty else "linear",
                    )
                )
            if progress is not None:
                progress(len(found))
        return found

    def scores(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Give the probability of every code, (texts, codes in the taxonomy's order)."""
        return self.calibration.probabilities(self._margins(texts))

    def _margins(self, texts: Sequence[str]) -> NDArray[np.float64]:
        margins = np.empty((len(self.members), len(texts), len(self.taxonomy.codes)))
        for row, text in enumerate(texts):
            columns, values = self.grams.weigh(text)
            for member, linear in enumerate(self.members):
                margins[member, row] = values @ linear.weights[columns] + linear.offsets
        return margins


def _labels(taxonomy: Taxonomy, scores: NDArray[np.float64], chosen: NDArray[np.bool_]) -> tuple[int, ...]:
    return tuple(sorted(taxonomy.ids[code] for code in np.flatnonzero(chosen)))


# ------------------------------------------------------------------ the file
def _pack(classifier: Classifier) -> dict[str, Any]:
    about = {
        **classifier.about,
        "format": _FORMAT,
        "longest": classifier.grams.longest,
        "members": len(classifier.members),
        "threshold": classifier.calibration.threshold,
        "taxonomy": classifier.taxonomy.model_dump(mode="json", by_alias=True),
    }
    arrays: dict[str, Any] = {
        "about": _bytes(json.dumps(about, ensure_ascii=False, sort_keys=True)),
        "grams": _bytes("\n".join(classifier.grams.columns)),
        "idf": classifier.grams.idf.astype(np.float16),
        "review": classifier.review.points,
    }
    for at, member in enumerate(classifier.members):
        scale = np.abs(member.weights).max(axis=0) / 127 + 1e-12
        arrays[f"weights{at}"] = np.round(member.weights / scale).astype(np.int8)
        arrays[f"scale{at}"] = scale.astype(np.float32)
        arrays[f"offsets{at}"] = member.offsets
    for name in _calibration_arrays():
        arrays[name] = getattr(classifier.calibration, name)
    return arrays


def _unpack(arrays: dict[str, NDArray[Any]], about: dict[str, Any], fingerprint: str) -> Classifier:
    grams = arrays["grams"].tobytes().decode("utf-8").split("\n")
    members = tuple(
        Linear(
            arrays[f"weights{at}"].astype(np.float32) * arrays[f"scale{at}"],
            arrays[f"offsets{at}"],
        )
        for at in range(about["members"])
    )
    taxonomy = Taxonomy.model_validate(about["taxonomy"])
    idf = arrays["idf"].astype(np.float32)
    shape = (len(grams), len(taxonomy.codes))
    if len(idf) != len(grams) or any(member.weights.shape != shape for member in members):
        raise ValueError("the arrays do not fit together")
    return Classifier(
        taxonomy=taxonomy,
        grams=Grams({gram: at for at, gram in enumerate(grams)}, idf, about["longest"]),
        members=members,
        calibration=Calibration(
            **{name: arrays[name] for name in _calibration_arrays()}, threshold=about["threshold"]
        ),
        review=ReviewCurve(arrays["review"]),
        about=about,
        fingerprint=fingerprint,
    )


def _calibration_arrays() -> list[str]:
    return [part.name for part in fields(Calibration) if part.name != "threshold"]


def _bytes(text: str) -> NDArray[np.uint8]:
    return np.frombuffer(text.encode("utf-8"), dtype=np.uint8)
