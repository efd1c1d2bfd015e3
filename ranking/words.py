"""The words of a lead's texts, counted: what a history repeats word for word is learned without a language model.

Words and word pairs are hashed, so that a saved model holds no vocabulary of a customer's texts.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import HashingVectorizer

BUCKETS = 2**18
_COUNTER = HashingVectorizer(n_features=BUCKETS, ngram_range=(1, 2), norm=None, alternate_sign=False)


def count_words(texts: Sequence[str]) -> csr_matrix:
    """Return how often each hashed word or word pair occurs in each text, [texts, 262144]."""
    return csr_matrix(_COUNTER.transform(texts)) if texts else csr_matrix((0, BUCKETS))


def measure_rarity(counts: csr_matrix) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the buckets that occur, and the inverse document frequency of each, smoothed as scikit-learn does."""
    buckets, frequency = np.unique(counts.indices, return_counts=True)
    return buckets.astype(np.int64), np.log((1 + counts.shape[0]) / (1 + frequency)) + 1.0


def weigh_words(counts: csr_matrix, buckets: NDArray[np.int64], rarity: NDArray[np.float64]) -> csr_matrix:
    """Return TF-IDF rows, [texts, buckets]: 1 + log(count), times rarity, over the length of the whole row.

    The whole row counts words that history does not know too, as the rarest of all: the more of a text is new, the
    less its known words say. (scikit-learn leaves unknown words out, and so makes much of the few that it knows.)
    """
    weight_of = np.full(counts.shape[1], rarity.max() if len(rarity) else 1.0)
    weight_of[buckets] = rarity
    weighed = csr_matrix(counts, dtype=np.float64, copy=True)
    weighed.data = (1.0 + np.log(weighed.data)) * weight_of[weighed.indices]
    lengths = np.sqrt(np.asarray(weighed.multiply(weighed).sum(1)).ravel())
    weighed.data /= np.repeat(np.where(lengths > 0, lengths, 1.0), np.diff(weighed.indptr))
    return csr_matrix(weighed[:, buckets])
