"""Language models that can be asked: one on this machine, or one behind an OpenAI-compatible address."""

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import requests
import torch
from numpy.typing import NDArray
from requests.auth import AuthBase
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter
from transformers import AutoModelForCausalLM

from ranking.backbone import batches_of_similar_length, load_tokenizer
from ranking.backbone_files import find_backbone
from ranking.errors import OracleError

Floats = NDArray[np.float64]
_TIMEOUT_SECONDS = (5, 60)  # connect, read
_AT_ONCE = 8
_TRIES = 5
# As many as the API gives; what is not among them is at most as likely as the last one.
# https://platform.openai.com/docs/api-reference/chat/create
_TOP_LOGPROBS = 20
_PASSING = {408, 409, 429, 500, 502, 503, 504}


class LocalOracle:
    """An instruct model on this machine, asked in the form of conversation that it was taught."""

    def __init__(self, name: str, *, cache: Path, device: str = "auto") -> None:
        location = find_backbone(name, cache).location
        self._device = torch.device(("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device)
        self._tokenizer = load_tokenizer(location)
        # A yardstick must not suffer from rounding: in bfloat16 an answer moves by a tenth with what stands beside it.
        model: Any = AutoModelForCausalLM.from_pretrained(location, dtype=torch.float32)
        self._model = model.to(self._device).eval()

    def odds(self, prompts: Sequence[str], yes: str, no: str) -> Floats:
        """See `Oracle.odds`: the two answers' first tokens, capitalised or not, where an answer would begin."""
        sides = [sorted({self._first_token(word) for word in {answer, answer.capitalize()}}) for answer in (yes, no)]
        encoded = [self._encode(prompt) for prompt in prompts]
        odds = np.zeros(len(prompts))
        for batch in batches_of_similar_length([len(ids) for ids in encoded], self._device):
            logits = self._logits([encoded[index] for index in batch])
            first, second = (torch.logsumexp(logits[:, tokens], dim=1) for tokens in sides)
            odds[batch] = (first - second).cpu().numpy()
        return odds

    def _encode(self, prompt: str) -> list[int]:
        told = [{"role": "user", "content": prompt}]
        asked = self._tokenizer.apply_chat_template(told, add_generation_prompt=True, tokenize=False)
        ids: list[int] = self._tokenizer(asked, add_special_tokens=False)["input_ids"]
        return ids

    def _first_token(self, word: str) -> int:
        return int(self._tokenizer(word, add_special_tokens=False)["input_ids"][0])

    @torch.inference_mode()
    def _logits(self, encoded: Sequence[list[int]]) -> torch.Tensor:
        """Return the float32 logits after the last token of each text, [texts, vocabulary]."""
        padded = self._tokenizer.pad({"input_ids": list(encoded)}, return_tensors="pt").to(self._device)
        hidden = self._model.base_model(**padded).last_hidden_state
        last = padded["attention_mask"].sum(1) - 1
        logits: torch.Tensor = self._model.get_output_embeddings()(hidden[torch.arange(len(encoded)), last])
        return logits.float()


class RemoteOracle:
    """A model behind an OpenAI-compatible address. What it is asked about leaves this machine."""

    def __init__(self, url: str, model: str, key: str, *, first_pause_seconds: float = 1.0) -> None:
        self._wait = wait_exponential_jitter(multiplier=first_pause_seconds, max=30, jitter=first_pause_seconds)
        self._url = url.rstrip("/") + "/chat/completions"
        self._model = model
        self._session = requests.Session()
        self._session.auth = _Bearer(key)  # a mere header would give way to the user's .netrc

    def odds(self, prompts: Sequence[str], yes: str, no: str) -> Floats:
        """See `Oracle.odds`.

        Raises:
            OracleError: The address refused, or did not answer in five tries; the message holds no text.
        """
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            return np.array(list(threads.map(lambda prompt: self._odds(prompt, yes, no), prompts)))

    def _odds(self, prompt: str, yes: str, no: str) -> float:
        attempts = Retrying(
            retry=retry_if_exception_type(_PassingError),
            stop=stop_after_attempt(_TRIES),
            wait=self._wait,
            reraise=True,
        )
        found = attempts(self._ask, prompt)
        least = min(found.values())
        return found.get(yes.lower(), least) - found.get(no.lower(), least)

    def _ask(self, prompt: str) -> dict[str, float]:
        """Return the log-probability of each likely first word, in small letters."""
        body = {
            "model": self._model,
            "messages": [{"role": "user", "content": prompt}],
            "max_tokens": 1,
            "temperature": 0,
            "logprobs": True,
            "top_logprobs": _TOP_LOGPROBS,
        }
        try:
            reply = self._session.post(self._url, json=body, timeout=_TIMEOUT_SECONDS, allow_redirects=False)
        except requests.RequestException as error:
            raise _PassingError(f"{self._url}: {type(error).__name__}") from None
        if reply.status_code in _PASSING:
            raise _PassingError(f"{self._url}: HTTP {reply.status_code}")
        if reply.status_code != 200:
            raise OracleError(f"{self._url}: HTTP {reply.status_code}; check address, model and key")
        try:
            listed = reply.json()["choices"][0]["logprobs"]["content"][0]["top_logprobs"]
            words = [(str(item["token"]).strip().lower(), float(item["logprob"])) for item in listed]
        except (ValueError, KeyError, IndexError, TypeError):
            raise OracleError(f"{self._url}: the answer holds no log-probabilities, which are needed here") from None
        found: dict[str, float] = {}
        for word, value in words:
            found[word] = float(np.logaddexp(found.get(word, -math.inf), value))
        if not found:
            raise OracleError(f"{self._url}: the answer holds no log-probabilities, which are needed here")
        return found


class _Bearer(AuthBase):
    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._key}"
        return request


class _PassingError(OracleError):
    """The same question may be answered later."""
