"""What a team would use instead: three plain orders, learned from the same examples where they learn at all."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction import DictVectorizer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MaxAbsScaler

from ranking.candidate import Candidate, Example

_PENALTIES = {"classifier__C": [0.1, 1.0, 10.0, 100.0]}


def score_by_recency(candidates: Sequence[Candidate]) -> NDArray[np.float64]:
    """Return the time of each candidate's newest interaction: newest activity first."""
    return np.array([c.passages[0].occurred_at.timestamp() if c.passages else 0.0 for c in candidates])


def score_by_words(examples: Sequence[Example], candidates: Sequence[Candidate]) -> NDArray[np.float64]:
    """Return the log-odds of TF-IDF (words and word pairs) and logistic regression on the same texts."""
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    return _fit_and_score(
        words, [_all_text(example.candidate) for example in examples], examples, [_all_text(c) for c in candidates]
    )


def score_by_fields(examples: Sequence[Example], candidates: Sequence[Candidate]) -> NDArray[np.float64]:
    """Return the log-odds of logistic regression on stage and structured fields."""
    return _fit_and_score(
        Pipeline([("columns", DictVectorizer()), ("scale", MaxAbsScaler())]),
        [_columns(example.candidate) for example in examples],
        examples,
        [_columns(candidate) for candidate in candidates],
    )


def _fit_and_score(
    vectorizer: TfidfVectorizer | Pipeline,
    inputs: Sequence[object],
    examples: Sequence[Example],
    targets: Sequence[object],
) -> NDArray[np.float64]:
    """Tune the penalty by cross-validation grouped by lead, as fairly as our own model is tuned."""
    groups = [example.group for example in examples]
    counts = {group: groups.count(group) for group in set(groups)}
    model = Pipeline([("vectorizer", vectorizer), ("classifier", LogisticRegression(max_iter=2_000))])
    search = GridSearchCV(model, _PENALTIES, scoring="roc_auc", cv=GroupKFold(4))
    search.fit(
        inputs,
        [example.won for example in examples],
        groups=groups,
        classifier__sample_weight=np.array([1 / counts[group] for group in groups]),
    )
    scores: NDArray[np.float64] = search.decision_function(targets)
    return scores


def _all_text(candidate: Candidate) -> str:
    return "\n".join(passage.text for passage in candidate.passages)


def _columns(candidate: Candidate) -> dict[str, str | float]:
    columns: dict[str, str | float] = {"stage": candidate.stage}
    for name, value in candidate.fields.items():
        columns[name] = "missing" if value is None else float(value) if isinstance(value, bool | float) else value
    return columns
