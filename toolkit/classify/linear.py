"""One linear model a code over n-grams weighted by how far they speak for the code.

In: a TF-IDF matrix (clauses, grams) and the truth (clauses, codes). Out: `Linear`, margins for new rows.
The grams' values are scaled by the damped log-ratio of naive Bayes before a linear SVM is fitted
(Wang and Manning 2012, "Baselines and bigrams", with the square root of the ratio).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

__all__ = ["ABSENT", "Linear", "fit_linear", "fit_logistic"]

Row = NDArray[np.floating[Any]]

ABSENT = -3.0  # margin of a code that nothing was learnt about
_SMOOTH = 0.1


@dataclass(frozen=True)
class Linear:
    """Weights (grams, codes) and offsets (codes)."""

    weights: NDArray[np.float32]
    offsets: NDArray[np.float32]

    def margins(self, matrix: csr_matrix) -> NDArray[np.float64]:
        """Give (rows, codes) of signed distances; above 0 speaks for the code."""
        return np.asarray(matrix @ self.weights, dtype=np.float64) + self.offsets


def fit_linear(matrix: csr_matrix, truth: NDArray[np.int8], *, strength: float = 1.0) -> Linear:
    """Fit each code against all others; `strength` is the SVM's C."""
    from sklearn.svm import LinearSVC

    def fit(target: NDArray[np.int8]) -> tuple[Row, float]:
        ratio = _ratio(matrix, target)
        scaled = matrix.multiply(ratio[None, :]).tocsr()
        machine = LinearSVC(C=strength, random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a margin that has not settled is good enough
            machine.fit(scaled, target)
        return machine.coef_[0] * ratio, float(machine.intercept_[0])

    return _each_code(matrix, truth, fit)


def fit_logistic(matrix: csr_matrix, truth: NDArray[np.int8], *, strength: float = 30.0) -> Linear:
    """Fit a logistic regression a code to the grams as they are: it errs otherwise than the SVM."""
    from sklearn.linear_model import LogisticRegression

    def fit(target: NDArray[np.int8]) -> tuple[Row, float]:
        model = LogisticRegression(C=strength, solver="liblinear", random_state=0)
        model.fit(matrix, target)
        return model.coef_[0], float(model.intercept_[0])

    return _each_code(matrix, truth, fit)


def _each_code(
    matrix: csr_matrix, truth: NDArray[np.int8], fit: Callable[[NDArray[np.int8]], tuple[Row, float]]
) -> Linear:
    """Fit one code after the other; one that all clauses have, or none, gets a fixed margin."""
    weights = np.zeros((matrix.shape[1], truth.shape[1]), dtype=np.float32)
    offsets = np.full(truth.shape[1], ABSENT, dtype=np.float32)
    for code in range(truth.shape[1]):
        target = truth[:, code]
        if 0 < target.sum() < len(target):
            weights[:, code], offsets[code] = fit(target)
        elif target.all():
            offsets[code] = -ABSENT
    return Linear(weights, offsets)


def _ratio(matrix: csr_matrix, target: NDArray[np.int8]) -> NDArray[np.float64]:
    inside = np.asarray(matrix[target == 1].sum(axis=0)).ravel() + _SMOOTH
    outside = np.asarray(matrix[target == 0].sum(axis=0)).ravel() + _SMOOTH
    ratio = np.log(inside / inside.sum()) - np.log(outside / outside.sum())
    return np.asarray(np.sign(ratio) * np.sqrt(np.abs(ratio)), dtype=np.float64)
