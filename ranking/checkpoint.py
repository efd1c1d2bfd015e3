"""Where a long teaching has got to, kept on disk, so that it goes on where it was broken off."""

import hashlib
import logging
import pickle
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import torch

# Changes whenever what is kept, or the order in which random numbers are drawn, does.
_FORMAT = 1
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Unfinished:
    """Which file keeps an unfinished lesson, and how often: a `full` teaching keeps more than a gigabyte each time."""

    file: Path
    every_s: float = 60.0

    @property
    def half_written(self) -> Path:
        """Where a state is until it is whole."""
        return self.file.with_name(f"{self.file.name}.part")

    def forget(self) -> None:
        """Remove what was kept."""
        for file in (self.file, self.half_written):
            with suppress(OSError):
                file.unlink()


class Checkpoint:
    """The state of one lesson in one file, never half written.

    Args:
        kept: Where it is kept; None keeps nothing.
        lesson: Whatever decides what is learned. The state of another lesson, of another version of PyTorch or of
            another kind of device is never gone on from.
        device: Where it is learned: its random numbers are kept, too.
    """

    def __init__(self, kept: Unfinished | None, lesson: Sequence[object], device: torch.device) -> None:
        self._kept = kept
        self._device = device
        whole = (_FORMAT, torch.__version__, device.type, *lesson)
        self._lesson = hashlib.sha256("\n".join(map(repr, whole)).encode()).hexdigest()
        self._saved_at = monotonic()

    def load(self) -> dict[str, Any] | None:
        """Return what was saved of this lesson, or None; the random numbers go on from there, too."""
        if self._kept is None:
            return None
        try:
            found = torch.load(self._kept.file, map_location="cpu", weights_only=True)
        except (OSError, RuntimeError, EOFError, pickle.UnpicklingError):
            return None  # nothing, or no checkpoint: the lesson begins anew and replaces it
        if not isinstance(found, dict) or found.get("lesson") != self._lesson:
            return None
        torch.set_rng_state(found["random"])
        if self._device.type == "cuda":
            torch.cuda.set_rng_state(found["random on the device"], self._device)
        state: dict[str, Any] = found["state"]
        return state

    def save_if_due(self, describe: Callable[[], dict[str, Any]]) -> None:
        """Keep a state if the last one is old: tensors, numbers, strings, and lists and dictionaries of them.

        What cannot be kept, for the disk is full, is no reason to end the lesson: it goes on without.
        """
        if self._kept is None or monotonic() - self._saved_at < self._kept.every_s:
            return
        file, beside = self._kept.file, self._kept.half_written
        whole = {"lesson": self._lesson, "random": torch.get_rng_state(), "state": describe()}
        if self._device.type == "cuda":
            whole["random on the device"] = torch.cuda.get_rng_state(self._device)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            torch.save(whole, beside)
            beside.replace(file)
        except (OSError, RuntimeError) as error:
            _log.warning("%s cannot be kept (%s): broken off, this teaching would begin anew", file, error)
            with suppress(OSError):
                beside.unlink()
        self._saved_at = monotonic()
