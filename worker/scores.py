"""Scores leads: what the model says of each, and the sentences of its own that say why."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from uuid import uuid4

from sqlalchemy.exc import SQLAlchemyError

from connectors.lead import Lead
from ranking.candidate import Candidate, Passage
from ranking.errors import RankingError
from ranking.explanation import explain, sentences, strongest
from ranking.model import RankingModel, ScoredCandidate
from ranking.reader import CachedReader
from worker.errors import WorkerError
from worker.store import Score

# A line up to this long is quoted whole; in a longer text the telling sentence is looked for.
_QUOTED_WHOLE = 88


def make_scores(
    pairs: Sequence[tuple[Lead, Candidate]],
    model: RankingModel,
    reader: CachedReader,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> list[Score]:
    """Return the score of each lead, with its reason."""
    scored = model.score([candidate for _, candidate in pairs], reader, progress=progress)
    quotes = choose_quotes(scored, model, reader)
    version = model.version
    return [
        Score(
            lead_id=lead.id,
            stage=lead.stage,
            utility=item.utility,
            probability=item.probability,
            insufficient=item.insufficient,
            from_own_history=model.card.examples > 0,
            reason=explain(item, quotes.get(lead.id, {})),
            input_hash=hash_input(item.candidate),
            model_version=version,
            ranked_at=item.candidate.as_of,
        )
        for (lead, _), item in zip(pairs, scored, strict=True)
    ]


def make_scores_or_say(
    pairs: Sequence[tuple[Lead, Candidate]], model: RankingModel, reader: CachedReader
) -> tuple[list[Score], dict[str, str]]:
    """Return scores, and for each lead that cannot be scored the kind of error; halves are tried until it is found.

    Raises:
        Exception: Nothing can be scored: the fault is not the leads'.
    """
    scores, errors = _halve(pairs, model, reader)
    if errors and len(errors) == len(pairs):
        _make_sure_of(model, reader, pairs[0][1].as_of)
    return scores, {lead_id: type(error).__name__ for lead_id, error in errors.items()}


def choose_quotes(
    scored: Sequence[ScoredCandidate], model: RankingModel, reader: CachedReader
) -> dict[str, dict[str, str]]:
    """Return, by lead and source, the sentence of each cited long text that says it most."""
    wanted: list[tuple[str, int, str, list[str]]] = []
    for item in scored:
        for sign in (+1, -1):
            passage = strongest(item, sign)
            if passage is not None and ("\n" in passage.text or len(passage.text) > _QUOTED_WHOLE):
                wanted.append((item.candidate.id, sign, passage.source, sentences(passage.text)))
    effects = model.text_effects([part for _, _, _, parts in wanted for part in parts], reader)
    quotes: dict[str, dict[str, str]] = {}
    for lead, sign, source, parts in wanted:
        best = max(parts, key=lambda part: sign * effects[part])
        quotes.setdefault(lead, {})[source] = best
    return quotes


def hash_input(candidate: Candidate) -> str:
    """Return a name for what the model is shown of a lead, but for the time of day."""
    shown: Mapping[str, object] = {
        "stage": candidate.stage,
        "fields": dict(candidate.fields),
        "passages": [asdict(passage) for passage in candidate.passages],
    }
    return hashlib.sha256(json.dumps(shown, sort_keys=True, default=str).encode()).hexdigest()


def _make_sure_of(model: RankingModel, reader: CachedReader, now: datetime) -> None:
    """Score something harmless that was never read before, and raise what that raises."""
    text = f"called, will call again ({uuid4()})"
    model.score([Candidate("", "", now, {}, (Passage("", "note", now, text),))], reader)


def _halve(
    pairs: Sequence[tuple[Lead, Candidate]], model: RankingModel, reader: CachedReader
) -> tuple[list[Score], dict[str, Exception]]:
    try:
        return make_scores(pairs, model, reader), {}
    except (RankingError, WorkerError, SQLAlchemyError):
        raise  # of the model or the database, not of a lead
    except Exception as error:
        if len(pairs) == 1:
            return [], {pairs[0][0].id: error}
    middle = len(pairs) // 2
    first, second = _halve(pairs[:middle], model, reader), _halve(pairs[middle:], model, reader)
    return first[0] + second[0], first[1] | second[1]
