"""Coding clauses by policy instrument: a taxonomy, a trained classifier, and its training.

In: clauses. Out: `Labelling`s with calibrated scores. `Classifier.load()` is the one that ships;
`train` fits another to a person's own coded clauses.
"""

from __future__ import annotations

from toolkit.classify.labels import Coded, read_labels
from toolkit.classify.measures import Measures, TrainingReport
from toolkit.classify.model import Classifier
from toolkit.classify.protocol import Protocol, run_protocol
from toolkit.classify.taxonomy import Taxonomy, load_taxonomy
from toolkit.classify.training import score_on, train
from toolkit.classify.work import Tally, classify_corpus

__all__ = [
    "Classifier",
    "Coded",
    "Measures",
    "Protocol",
    "Tally",
    "Taxonomy",
    "TrainingReport",
    "classify_corpus",
    "load_taxonomy",
    "read_labels",
    "run_protocol",
    "score_on",
    "train",
]
