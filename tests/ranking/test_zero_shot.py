"""A language model that is asked outright: what it is asked, and what order its answers make."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from platformdirs import user_cache_path

from connectors.sandbox.server import SandboxServer
from ranking.candidate import Candidate, Passage
from ranking.errors import OracleError
from ranking.oracles import LocalOracle, RemoteOracle
from ranking.zero_shot import score_alone, score_together
from tests.endpoint import Endpoint

NOW = datetime(2026, 5, 1, tzinfo=UTC)


class WorthOracle:
    """Knows what `worth N` in a text is worth, and prefers whichever lead it reads first by `bias`."""

    def __init__(self, bias: float = 0.0) -> None:
        self.bias = bias
        self.asked: list[str] = []

    def odds(self, prompts: Sequence[str], yes: str, no: str) -> NDArray[np.float64]:
        self.asked += prompts
        worths = [[float(worth) for worth in re.findall(r"worth (\d+)", prompt)] for prompt in prompts]
        return np.array([w[0] - (w[1] if len(w) > 1 else 0.0) + self.bias for w in worths])


def candidate(number: int, stage: str = "Demo") -> Candidate:
    return Candidate(str(number), stage, NOW, {"size": "big"}, (Passage("n", "note", NOW, f"worth {number}"),))


def test_leads_are_ordered_as_each_was_judged() -> None:
    scores = score_alone(WorthOracle())([], [candidate(n) for n in (3, 1, 2)])

    assert scores.tolist() == [3.0, 1.0, 2.0]


def test_a_model_that_prefers_what_it_reads_first_gives_the_same_order() -> None:
    candidates = [candidate(n) for n in range(9)]

    assert np.allclose(score_together(WorthOracle(5.0))([], candidates), score_together(WorthOracle())([], candidates))


def test_each_lead_is_compared_in_both_orders_and_with_four_of_its_stage_only() -> None:
    oracle = WorthOracle()
    score_together(oracle)([], [candidate(n, "Demo" if n < 10 else "Offer") for n in range(20)])
    pairs = [tuple(map(int, re.findall(r"worth (\d+)", prompt))) for prompt in oracle.asked]

    assert sorted(pairs) == sorted((second, first) for first, second in pairs)
    assert {(first < 10) == (second < 10) for first, second in pairs} == {True}
    assert {sum(n in pair for pair in pairs) for n in range(20)} == {2 * 4}


@pytest.mark.parametrize("leads", [0, 1, 2, 3])
def test_stages_of_few_leads_are_compared_as_far_as_they_go(leads: int) -> None:
    scores = score_together(WorthOracle())([], [candidate(n) for n in range(leads)])

    assert scores.argsort().tolist() == list(range(leads))


def test_a_lead_with_nothing_to_read_is_asked_about_all_the_same() -> None:
    oracle = WorthOracle(1.0)
    oracle.odds = lambda prompts, yes, no: np.zeros(len(prompts))  # type: ignore[method-assign]

    assert score_alone(oracle)([], [replace(candidate(1), passages=())]).tolist() == [0.0]


# The model on this machine ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def smollm2() -> LocalOracle:
    return LocalOracle("smollm2", cache=user_cache_path("callfirst") / "backbones", device="cpu")


@pytest.mark.integration
def test_the_local_model_says_what_its_own_logits_say(smollm2: LocalOracle) -> None:
    prompt = "Is water wet? Answer with one word, yes or no."
    told = [{"role": "user", "content": prompt}]
    tokenizer, model = smollm2._tokenizer, smollm2._model
    ids = tokenizer.apply_chat_template(told, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    with torch.inference_mode():
        logits = model(**ids).logits[0, -1].float()
    yes, no = (
        torch.logsumexp(logits[[tokenizer(word)["input_ids"][0] for word in words]], 0)
        for words in (("yes", "Yes"), ("no", "No"))
    )

    assert smollm2.odds([prompt], "yes", "no")[0] == pytest.approx(float(yes - no), abs=1e-3)


@pytest.mark.integration
def test_what_a_prompt_stands_beside_changes_nothing(smollm2: LocalOracle) -> None:
    short, long = "Is this good?", "Is this good? " * 60
    alone = smollm2.odds([short], "yes", "no")[0]

    assert smollm2.odds([long, short, "Why?"], "yes", "no")[1] == pytest.approx(alone, abs=1e-3)
    assert smollm2.odds([short], "no", "yes")[0] == pytest.approx(-alone, abs=1e-6)


# The model behind an address --------------------------------------------------------------------------------------


@pytest.fixture
def endpoint() -> Iterator[tuple[Endpoint, RemoteOracle]]:
    made = Endpoint()
    with SandboxServer(made.app) as server:
        yield made, RemoteOracle(f"{server.url}/v1/", "a-model", "the key", first_pause_seconds=0.0)


def test_an_endpoint_is_asked_for_one_word_and_how_likely_each_is(endpoint: tuple[Endpoint, RemoteOracle]) -> None:
    server, oracle = endpoint
    odds = oracle.odds(["Will it rain?"], "yes", "no")

    assert odds[0] == pytest.approx(np.logaddexp(-0.7, -1.7) + 2.0)
    assert server.keys == ["Bearer the key"]
    [body] = server.bodies
    assert body["messages"] == [{"role": "user", "content": "Will it rain?"}]
    assert (body["model"], body["max_tokens"], body["temperature"]) == ("a-model", 1, 0)
    assert body["logprobs"] is True


def test_a_word_that_is_not_listed_is_at_most_as_likely_as_the_last(endpoint: tuple[Endpoint, RemoteOracle]) -> None:
    server, oracle = endpoint
    server.says = lambda _: [("Yes", -0.1), ("Perhaps", -9.0)]

    assert oracle.odds(["?"], "yes", "no")[0] == pytest.approx(8.9)


def test_answers_keep_the_order_of_the_prompts(endpoint: tuple[Endpoint, RemoteOracle]) -> None:
    server, oracle = endpoint
    server.says = lambda prompt: [("yes", -float(prompt)), ("no", -1.0)]
    odds = oracle.odds([str(n) for n in range(40)], "yes", "no")

    assert odds.tolist() == pytest.approx([1.0 - n for n in range(40)])


def test_an_endpoint_that_is_busy_is_asked_again(endpoint: tuple[Endpoint, RemoteOracle]) -> None:
    server, oracle = endpoint
    server.failures = [429, 503]

    assert len(oracle.odds(["?"], "yes", "no")) == 1
    assert len(server.bodies) == 3


def test_an_endpoint_that_refuses_is_named_and_nothing_is_quoted(endpoint: tuple[Endpoint, RemoteOracle]) -> None:
    server, oracle = endpoint
    server.failures = [401]
    with pytest.raises(OracleError, match="HTTP 401; check address, model and key") as refused:
        oracle.odds(["the secret of a lead"], "yes", "no")

    assert not any(word in str(refused.value) for word in ("canary", "secret", "the key"))


def test_an_endpoint_without_log_probabilities_says_so(endpoint: tuple[Endpoint, RemoteOracle]) -> None:
    server, oracle = endpoint
    server.says = lambda _: None
    with pytest.raises(OracleError, match="log-probabilities"):
        oracle.odds(["?"], "yes", "no")


def test_an_address_that_nobody_listens_at_is_named() -> None:
    oracle = RemoteOracle("http://127.0.0.1:9/v1", "a-model", "the key", first_pause_seconds=0.0)
    with pytest.raises(OracleError, match=r"127\.0\.0\.1:9"):
        oracle.odds(["?"], "yes", "no")
