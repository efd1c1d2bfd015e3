"""What is known of each candidate, in numbers, before anything is learned: words counted, texts read, intent judged."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, vstack

from ranking.candidate import Candidate
from ranking.reader import CachedReader
from ranking.rendering import render_fields, render_passage
from ranking.words import count_words

if TYPE_CHECKING:
    from ranking.general.model import GeneralModel

# Newest interactions that count for a lead: a thread of hundreds says no more than its last ones.
MAX_PASSAGES = 24
INTENT_NAMES = ("all texts", "newest text")


@dataclass(frozen=True, slots=True)
class Inputs:
    """One row a candidate.

    `words` [rows, 262144] counts hashed words; `read` [rows, width] is the sum of the texts' vectors, `texts` [rows]
    their number; `named` [rows, width] is the mean vector of the fields in words; `intent` [rows, 2] is what the
    general model makes of all texts (its judgements' sum over the root of their number: between their mean, which
    dilutes the one telling note, and their sum, which rewards length) and of the newest, zeros without such a model.
    """

    candidates: Sequence[Candidate]
    words: csr_matrix
    read: NDArray[np.float32]
    texts: NDArray[np.float32]
    named: NDArray[np.float32]
    intent: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.candidates)

    def take(self, rows: NDArray[np.int64]) -> "Inputs":
        """Return the given rows."""
        return Inputs(
            [self.candidates[row] for row in rows.tolist()],
            self.words[rows],
            self.read[rows],
            self.texts[rows],
            self.named[rows],
            self.intent[rows],
        )


@dataclass(frozen=True, slots=True)
class Library:
    """Every text of some candidates, read: `vectors` [texts, width] and `words` [texts, 262144], by `place`."""

    place: dict[str, int]
    vectors: NDArray[np.float32]
    words: csr_matrix
    intent: NDArray[np.float64]


def read_texts(
    candidates: Sequence[Candidate],
    reader: CachedReader,
    general: "GeneralModel | None",
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Library:
    """Return all texts of the candidates, read; what was read before costs no pass."""
    texts: dict[str, None] = {}
    for candidate in candidates:
        texts.update(dict.fromkeys(render_fields(candidate)))
        texts.update(dict.fromkeys(passages_of(candidate)))
    found = reader.read(texts, progress=progress)
    vectors = np.stack([found[text] for text in texts]) if texts else np.zeros((0, reader.width), dtype=np.float32)
    intent = np.zeros(len(texts)) if general is None else general.judge(vectors)
    return Library({text: row for row, text in enumerate(texts)}, vectors, count_words(list(texts)), intent)


def passages_of(candidate: Candidate) -> list[str]:
    """Return the newest interactions of a candidate as they are read, newest first."""
    return [render_passage(passage) for passage in candidate.passages[:MAX_PASSAGES]]


def build_inputs(candidates: Sequence[Candidate], library: Library) -> Inputs:
    """Return one row for each candidate."""
    said = [[library.place[text] for text in passages_of(candidate)] for candidate in candidates]
    named = [[library.place[text] for text in render_fields(candidate)] for candidate in candidates]
    return _rows(candidates, said, named, library)


def leave_one_out(candidate: Candidate, library: Library) -> Inputs:
    """Return one row for each passage of a candidate that counts: the candidate without that passage's text.

    Only what is read of the texts differs; the fields stay as they are, and the general model's judgements go on being
    divided by the same root: a text that says nothing moves nothing when it goes.
    """
    said = [library.place[text] for text in passages_of(candidate)]
    named = [library.place[text] for text in render_fields(candidate)]
    rests = [said[:index] + said[index + 1 :] for index in range(len(said))]
    return _rows([candidate] * len(said), rests, [named] * len(said), library, divisors=[len(said)] * len(said))


def _rows(
    candidates: Sequence[Candidate],
    said: Sequence[list[int]],
    named: Sequence[list[int]],
    library: Library,
    *,
    divisors: Sequence[int] | None = None,
) -> Inputs:
    width = library.vectors.shape[1]
    counts = divisors or [len(places) for places in said]
    return Inputs(
        candidates=candidates,
        words=_sum_of_rows(said, library.words),
        read=_stack([library.vectors[places].sum(0) for places in said], width),
        texts=np.array([len(places) for places in said], dtype=np.float32),
        named=_stack([library.vectors[places].mean(0) for places in named], width),
        intent=np.array(
            [
                (library.intent[places].sum() / count**0.5, library.intent[places[0]]) if places else (0.0, 0.0)
                for places, count in zip(said, counts, strict=True)
            ]
        ).reshape(len(said), len(INTENT_NAMES)),
    )


def _stack(rows: list[NDArray[np.float32]], width: int) -> NDArray[np.float32]:
    return np.stack(rows).astype(np.float32) if rows else np.zeros((0, width), dtype=np.float32)


def _sum_of_rows(places: Sequence[list[int]], words: csr_matrix) -> csr_matrix:
    """Return the summed word counts of each group of texts."""
    starts = np.cumsum([0, *(len(group) for group in places)])
    flat = np.array([place for group in places for place in group], dtype=np.int64)
    chooser = csr_matrix((np.ones(len(flat)), flat, starts), shape=(len(places), words.shape[0]))
    return csr_matrix(chooser @ words)


def join(parts: Sequence[Inputs]) -> Inputs:
    """Return several inputs as one."""
    return Inputs(
        [candidate for part in parts for candidate in part.candidates],
        csr_matrix(vstack([part.words for part in parts])),
        np.concatenate([part.read for part in parts]),
        np.concatenate([part.texts for part in parts]),
        np.concatenate([part.named for part in parts]),
        np.concatenate([part.intent for part in parts]),
    )
