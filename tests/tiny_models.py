"""Language models of a few thousand weights, random, in the real file format: enough to run the real code."""

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import BertConfig, BertModel, LlamaConfig, LlamaModel, PreTrainedTokenizerFast

WORDS = ["good", "bad", "call", "price", "note", "monday", "rep", "lead", "plan", "mail"]


def save_tiny_model(folder: Path, kind: str, *, seed: int = 0) -> Path:
    """Write a tiny decoder (`llama`) or encoder (`bert`) with a tokenizer of ten words; return its directory."""
    torch.manual_seed(seed)
    vocabulary = {word: place for place, word in enumerate(["[PAD]", "[UNK]", *WORDS])}
    words = Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))
    words.pre_tokenizer = Whitespace()
    tokenizer: Any = PreTrainedTokenizerFast
    tokenizer(tokenizer_object=words, pad_token="[PAD]", unk_token="[UNK]").save_pretrained(folder)
    size: dict[str, Any] = {
        "vocab_size": len(vocabulary),
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 5,
    }
    if kind == "llama":
        LlamaModel(LlamaConfig(**size, num_attention_heads=4, num_key_value_heads=2)).save_pretrained(folder)
    else:
        BertModel(BertConfig(**size, num_attention_heads=4)).save_pretrained(folder)
    return folder
