"""The general model: what a sales text says about the chance of a sale, before a team has any history of its own.

A line on the language model's vectors, trained on a corpus of written sales texts of many trades (`corpus.jsonl.gz`);
one for each backbone that was taught. Its judgement of one text is in log-odds, 0 for a text that says nothing.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import save_file

_FOLDER = Path(__file__).parent
JUDGEMENT = "judgement.safetensors"


@dataclass(frozen=True)
class GeneralModel:
    """`weight` [width] and `bias` judge a vector of the backbone whose reader has `reader_version`."""

    weight: NDArray[np.float32]
    bias: float
    reader_version: str

    @property
    def version(self) -> str:
        """A short name that changes with the weights."""
        return f"general-{hashlib.sha256(self.weight.tobytes() + str(self.bias).encode()).hexdigest()[:10]}"

    def judge(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return what each text moves the log-odds of a sale, [texts]."""
        return vectors.astype(np.float64) @ self.weight.astype(np.float64) + self.bias

    def save(self, file: Path) -> None:
        """Write the weights."""
        arrays: dict[str, NDArray[Any]] = {
            "weight": np.ascontiguousarray(self.weight),
            "bias": np.array([self.bias], dtype=np.float64),
        }
        save_file(arrays, file, metadata={"reader_version": self.reader_version})


def find_adapter(files_version: str, folder: Path = _FOLDER) -> Path | None:
    """Return the directory of the adapter that was taught to a backbone's weights, or None where there is none."""
    found = folder / files_version
    return found if (found / JUDGEMENT).exists() else None


def find_general_model(reader_version: str, folder: Path = _FOLDER) -> GeneralModel | None:
    """Return the general model for a reader, or None where there is none: another backbone, or another depth."""
    for file in sorted(folder.glob(f"*/{JUDGEMENT}")):
        with safe_open(file, framework="np") as opened:
            if (opened.metadata() or {}).get("reader_version") == reader_version:
                weight, bias = opened.get_tensor("weight"), opened.get_tensor("bias")
                return GeneralModel(weight, float(bias[0]), reader_version)
    return None
