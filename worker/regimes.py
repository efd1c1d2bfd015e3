"""How a tenant's language model learns: heads alone, or taught the tenant's own leads first; and which is better."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from ranking.backbone_files import find_backbone
from ranking.candidate import Example
from ranking.errors import TeachingError
from ranking.general.model import GeneralModel, find_adapter
from ranking.metrics import bootstrap_difference
from ranking.reader import CachedReader
from ranking.stacking import cuts_after
from ranking.training import TrainingConfig, later_utilities
from worker.settings import RankingConfig
from worker.wiring import build_reader

if TYPE_CHECKING:
    from ranking.adaptation import AdaptationConfig
    from ranking.checkpoint import Unfinished

# Beside a model's weights: what its language model was taught, where that was more than the general model.
TAUGHT_FOLDER = "language-model"


@dataclass(frozen=True, slots=True)
class Reading:
    """A language model, its general judgement, how a ranker is trained on it, and the regime that it came from."""

    reader: CachedReader
    general: GeneralModel | None
    config: TrainingConfig
    regime: Literal["head", "lora", "full"]
    described: str = "head"


class Teacher:
    """Goes on teaching the language model, as the settings say, and opens what was taught."""

    def __init__(
        self,
        config: RankingConfig,
        cache_dir: Path,
        progress: Callable[[int, int], None] | None = None,
        *,
        how: "AdaptationConfig | None" = None,
    ) -> None:
        self._config = config
        self._how = how
        self._cache_dir = cache_dir
        self._progress = progress
        self._opened: dict[Path, CachedReader] = {}

    def open(self, taught: Path) -> CachedReader:
        """Return the language model that own leads taught; it is loaded once."""
        if taught not in self._opened:
            self._opened[taught] = build_reader(self._config, self._cache_dir, taught)
        return self._opened[taught]

    def teach(self, examples: Sequence[Example], head: Reading, folder: Path, unfinished: "Unfinished") -> Reading:
        """Return what the ranker is to be trained on; what is taught is written into `folder`.

        How far it has got is kept in `unfinished`, from which it goes on; the caller forgets it.

        A regime that the settings name is used if it taught anything; `auto` tries `lora` where there is an accelerator
        and takes it only if later leads, which the language model has not seen, are ordered better by an interval above
        0.

        Raises:
            TeachingError: A regime that the settings name taught nothing.
        """
        import torch  # commands that do not rank need not wait for it

        from ranking.adaptation import AdaptationConfig, adapt

        how = self._how or AdaptationConfig()
        wanted = self._config.regime
        device = self._config.device
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        if wanted == "head" or (wanted == "auto" and device == "cpu"):
            return head
        regime: Literal["lora", "full"] = "full" if wanted == "full" else "lora"
        name, cache = self._config.backbone, self._cache_dir / "backbones"
        start = find_adapter(find_backbone(name, cache).version)
        try:
            adapted = adapt(
                examples,
                name,
                cache,
                folder,
                start=start,
                general=head.general,
                config=replace(how, regime=regime),
                pairs=head.config.pairs,
                device=device,
                unfinished=unfinished,
                progress=self._progress,
            )
        except (TeachingError, torch.OutOfMemoryError) as error:
            if wanted == "auto":
                return replace(head, described=f"head; {regime} was tried: {error}")
            raise
        config = replace(head.config, cuts=cuts_after())
        taught = Reading(build_reader(self._config, self._cache_dir, folder), adapted.general, config, regime)
        rows, ours = later_utilities(examples, taught.reader, taught.general, config=config)
        _, theirs = later_utilities(examples, head.reader, head.general, config=config)
        if not len(rows):
            if wanted == "auto":
                return replace(head, described=f"head; {regime} was tried: too few later leads to judge it")
            return replace(taught, described=f"{regime}; there are too few later leads to compare it with head")
        late = [examples[row] for row in rows.tolist()]
        ahead = bootstrap_difference(
            ours,
            theirs,
            np.array([example.level for example in late]),
            [example.candidate.stage for example in late],
            groups=[example.group for example in late],
        )
        figures = f"{ahead.value:+.3f} ({ahead.low:+.3f} to {ahead.high:+.3f}) of later pairs beside head"
        if wanted == "auto" and not ahead.low > 0:
            return replace(head, described=f"head; {regime} was tried and not kept: {figures}")
        return replace(taught, described=f"{regime}: {figures}")
