"""What a team would use instead, learned from the same examples where it learns at all.

Each one that has a setting is tuned by cross-validation grouped by lead, as fairly as our own model is tuned.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import xgboost
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.base import BaseEstimator
from sklearn.decomposition import TruncatedSVD
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction import DictVectorizer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MaxAbsScaler

from ranking.candidate import Candidate, Example
from ranking.columns import fit_columns
from ranking.parts import limits_of_leaves
from ranking.rates import fit_rates
from ranking.stacking import times_of, weights_of

Floats = NDArray[np.float64]
Scorer = Callable[[Sequence[Example], Sequence[Candidate]], Floats]

_PENALTIES = {"classifier__C": [0.1, 1.0, 10.0, 100.0]}
_XGBOOST = {"max_depth": [2, 3, 4, 6], "n_estimators": [60, 150, 400]}
_HIST = {"classifier__max_leaf_nodes": [7, 15], "classifier__max_iter": [60, 150, 400]}
# Below any real value; scikit-learn's boosting refuses a column that is missing in every row of a fold.
_MISSING = -1e9
_SVD_DIMENSIONS = 50


def score_at_random(examples: Sequence[Example], candidates: Sequence[Candidate]) -> Floats:
    """Return random scores, the same each time."""
    return np.random.default_rng(0).normal(size=len(candidates))


def score_by_recency(examples: Sequence[Example], candidates: Sequence[Candidate]) -> Floats:
    """Return the time of each candidate's newest interaction: newest activity first."""
    return np.array([c.passages[0].occurred_at.timestamp() if c.passages else 0.0 for c in candidates])


def score_by_number_of_texts(examples: Sequence[Example], candidates: Sequence[Candidate]) -> Floats:
    """Return how many texts each candidate has: long histories often are the better ones."""
    return np.array([float(len(candidate.passages)) for candidate in candidates])


def score_by_words(examples: Sequence[Example], candidates: Sequence[Candidate]) -> Floats:
    """Return the log-odds of TF-IDF (words and word pairs) and logistic regression on the same texts."""
    finished = _finished(examples)
    return _search(
        Pipeline(
            [
                ("words", TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)),
                ("classifier", LogisticRegression(max_iter=2_000)),
            ]
        ),
        _PENALTIES,
        finished,
        [_all_text(example.candidate) for example in finished],
        [_all_text(candidate) for candidate in candidates],
        weights_go_to="classifier__sample_weight",
    )


def score_by_fields(examples: Sequence[Example], candidates: Sequence[Candidate]) -> Floats:
    """Return the log-odds of logistic regression on stage and structured fields."""
    finished = _finished(examples)
    return _search(
        Pipeline(
            [
                ("columns", DictVectorizer()),
                ("scale", MaxAbsScaler()),
                ("classifier", LogisticRegression(max_iter=2_000)),
            ]
        ),
        _PENALTIES,
        finished,
        [_columns(example.candidate) for example in finished],
        [_columns(candidate) for candidate in candidates],
        weights_go_to="classifier__sample_weight",
    )


def score_by_xgboost_on_fields(examples: Sequence[Example], candidates: Sequence[Candidate]) -> Floats:
    """Return the log-odds of XGBoost on stage and structured fields, as our own trees get them: it knows of no text."""
    silent = [replace(example, candidate=_without_texts(example.candidate)) for example in examples]
    return score_by_xgboost(silent, [_without_texts(candidate) for candidate in candidates])


def score_by_xgboost(examples: Sequence[Example], candidates: Sequence[Candidate]) -> Floats:
    """Return the log-odds of XGBoost on fields, and on the texts' number, length and times."""
    finished = _finished(examples)
    table, asked = _tables(finished, candidates)
    won = np.array([float(example.won is True) for example in finished])
    limits = limits_of_leaves(won, weights_of(finished))
    return _search(
        xgboost.XGBClassifier(learning_rate=0.05, subsample=0.7, colsample_bytree=0.5, random_state=0, **limits),
        _XGBOOST,
        finished,
        table,
        asked,
        weights_go_to="sample_weight",
    )


def score_by_hist_boosting_on_fields(examples: Sequence[Example], candidates: Sequence[Candidate]) -> Floats:
    """Return the log-odds of scikit-learn's gradient boosting on the same."""
    silent = [replace(example, candidate=_without_texts(example.candidate)) for example in examples]
    return score_by_hist_boosting(silent, [_without_texts(candidate) for candidate in candidates])


def score_by_hist_boosting(examples: Sequence[Example], candidates: Sequence[Candidate]) -> Floats:
    """Return the log-odds of scikit-learn's gradient boosting on fields, and on the texts' number, length and times."""
    finished = _finished(examples)
    table, asked = _tables(finished, candidates)
    return _search(
        _hist_boosting(),
        _HIST,
        finished,
        table,
        asked,
        weights_go_to="classifier__sample_weight",
    )


def score_by_boosting_on_words(examples: Sequence[Example], candidates: Sequence[Candidate]) -> Floats:
    """Return the log-odds of gradient boosting on fields and 50 SVD dimensions of TF-IDF."""
    finished = _finished(examples)
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
    counted = words.fit_transform([_all_text(example.candidate) for example in finished])
    svd = TruncatedSVD(min(_SVD_DIMENSIONS, counted.shape[1] - 1), random_state=0).fit(counted)
    tables = [
        np.hstack([table, svd.transform(words.transform([_all_text(row) for row in rows]))])
        for table, rows in zip(
            _tables(finished, candidates), ([example.candidate for example in finished], candidates), strict=True
        )
    ]
    return _search(
        _hist_boosting(),
        _HIST,
        finished,
        tables[0],
        tables[1],
        weights_go_to="classifier__sample_weight",
    )


def score_by_average(examples: Sequence[Example], candidates: Sequence[Candidate]) -> Floats:
    """Return the mean of the ranks that TF-IDF and XGBoost give: the strongest plain mix known to us."""
    ranks = [rankdata(scorer(examples, candidates)) for scorer in (score_by_words, score_by_xgboost)]
    return np.asarray(np.mean(ranks, axis=0))


BASELINES: Mapping[str, Scorer] = {
    "random": score_at_random,
    "newest activity first": score_by_recency,
    "number of texts": score_by_number_of_texts,
    "fields, logistic regression": score_by_fields,
    "fields, XGBoost": score_by_xgboost_on_fields,
    "fields, scikit-learn boosting": score_by_hist_boosting_on_fields,
    "fields and amounts of text, XGBoost": score_by_xgboost,
    "fields and amounts of text, scikit-learn boosting": score_by_hist_boosting,
    "TF-IDF + logistic regression": score_by_words,
    "fields + TF-IDF SVD, boosting": score_by_boosting_on_words,
    "TF-IDF and XGBoost, averaged": score_by_average,
}
# Left out where nothing was written: they would have nothing to go by, or be another baseline once more.
NEEDS_TEXT = (
    "fields and amounts of text, XGBoost",
    "fields and amounts of text, scikit-learn boosting",
    "TF-IDF + logistic regression",
    "fields + TF-IDF SVD, boosting",
    "TF-IDF and XGBoost, averaged",
)


def _hist_boosting() -> Pipeline:
    return Pipeline(
        [
            ("missing", SimpleImputer(strategy="constant", fill_value=_MISSING)),
            ("classifier", HistGradientBoostingClassifier(learning_rate=0.05, random_state=0)),
        ]
    )


def _tables(examples: Sequence[Example], candidates: Sequence[Candidate]) -> tuple[Floats, Floats]:
    """Return what our own trees learn from, of both, less the columns that never vary.

    Trees that draw from columns waste those that say nothing.
    """
    rows = [example.candidate for example in examples]
    columns = fit_columns(rows)
    won = np.array([float(bool(example.won)) for example in examples])
    rates, judged = fit_rates(rows, won, weights_of(examples), *times_of(examples))
    table = np.hstack([columns.table(rows), judged])
    asked = np.hstack([columns.table(candidates), rates.table(candidates)])
    varies = np.array([len(np.unique(column)) > 1 for column in table.T])
    varies[0] |= not varies.any()  # a learner wants something to learn from: it then says the same of everybody
    return table[:, varies], asked[:, varies]


def _finished(examples: Sequence[Example]) -> list[Example]:
    return [example for example in examples if example.won is not None]


def _search(
    model: BaseEstimator,
    grid: Mapping[str, list[float]] | Mapping[str, list[int]],
    examples: Sequence[Example],
    inputs: object,
    targets: object,
    *,
    weights_go_to: str,
) -> Floats:
    """Return the log-odds of the targets by the model whose settings did best in cross-validation."""
    groups = [example.group for example in examples]
    search = GridSearchCV(model, dict(grid), scoring="roc_auc", cv=GroupKFold(4))
    search.fit(
        inputs,
        [int(bool(example.won)) for example in examples],
        groups=groups,
        **{weights_go_to: weights_of(examples)},
    )
    best = search.best_estimator_
    if hasattr(best, "decision_function"):
        return np.asarray(best.decision_function(targets), dtype=np.float64)
    return np.asarray(best.predict(targets, output_margin=True), dtype=np.float64)


def _all_text(candidate: Candidate) -> str:
    return "\n".join(passage.text for passage in candidate.passages)


def _without_texts(candidate: Candidate) -> Candidate:
    return replace(candidate, passages=())


def _columns(candidate: Candidate) -> dict[str, str | float]:
    columns: dict[str, str | float] = {"stage": candidate.stage}
    for name, value in candidate.fields.items():
        columns[name] = "missing" if value is None else float(value) if isinstance(value, bool | float) else value
    return columns
