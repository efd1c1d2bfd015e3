"""The sandbox answers recorded requests as the real portals did: status, keys, JSON types and headers."""

from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

import pytest
from starlette.testclient import TestClient

from connectors.sandbox.hubspot import TOKEN, build_app
from tests.connectors.fidelity.recorded import (
    Interaction,
    Portal,
    count_not_served,
    is_compared,
    iter_interactions,
    recorded_requests,
)
from tests.recordings import RECORDED

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not RECORDED.is_dir(), reason=f"needs the recorded replies in {RECORDED}"),
]

# Interaction, difference (`+` only the sandbox has it, `-` only the recording), and why it is meant to differ.
_DEVIATIONS: list[tuple[str, str, str]] = [
    ("grouparoo *", "+ .results.#.url: text", "records got their url after these were recorded in 2022"),
    ("grouparoo * batch/create *", "+ .results.#.properties.hs_object_source*", "came after 2022"),
    ("grouparoo contacts batch/create *", "+ .results.#.properties.hs_full_name_or_email: text", "came after 2022"),
    ("grouparoo contacts batch/create *", "+ .results.#.properties.lifecyclestage: text", "came after 2022"),
    ("grouparoo contacts batch/update *", "+ .results.#.properties.createdate: text", "recorded in 2025, not in 2022"),
    (
        "grouparoo contacts batch/update *",
        "+ .results.#.properties.hs_object_id: text",
        "recorded in 2025, not in 2022",
    ),
    (
        "grouparoo contacts batch/update *",
        "- .results.#.properties.hs_email_domain: text",
        "not derived again at an update",
    ),
    ("grouparoo companies batch/create *", "- .results.#.properties.website: text", "not derived from a domain"),
    (
        "grouparoo companies batch/*",
        "+ header x-hubspot-ratelimit-daily*",
        "two recorded replies of a private token lack the day's headers, 58 have them",
    ),
    ("* test/metadata-contacts-external-pipelines.json", "- .results.#*", "contacts' lifecycle pipeline is not served"),
    (
        "* test/metadata-deals-properties-sampled.json",
        "+ .results.#.options.#*",
        "the sample has no property with options",
    ),
    ("* test/metadata-*-properties-sampled.json", "- *.readOnlyOptions: boolean", "options are never read-only here"),
    (
        "* test/metadata-contacts-properties-sampled.json",
        "- *.referencedObjectType: text",
        "no property refers to a type",
    ),
    ("* test/metadata-contacts-properties-sampled.json", "- *.showCurrencySymbol: boolean", "no property is an amount"),
    (
        "* test/metadata-contacts-properties-sampled.json",
        "- *.options.#.description: text",
        "standard options lack one",
    ),
    ("* test/read/objects-api/contacts-response.json", "+ *hs_object_id: text", "a fixture shortened by its authors"),
    ("* test/read/objects-api/contacts-response.json", "+ *.url: text", "a fixture shortened by its authors"),
    ("* test/read-lists-1-first-page.json", "- *hs_last_record_added_at: text", "lists have no members here"),
    (
        "* test/batch/update/contacts/*",
        "+ .results.#.properties.hs_*: text",
        "the recorded portal shows fewer computed",
    ),
    (
        "* test/batch/create/contacts/success.json",
        "- .results.#.properties.*",
        "features of HubSpot that are not imitated",
    ),
    (
        "* test/batch/create/contacts/err-partial-success.json",
        "+ .results.#.properties.*",
        "a fixture shortened by its authors: the same second as a success with all of them",
    ),
]


def _answer(item: Interaction) -> tuple[int, Any, frozenset[str]]:
    portal = Portal()
    item.prepare(portal)
    client = TestClient(build_app(portal.objects, portal.faults), headers={"Authorization": f"Bearer {TOKEN}"})
    body = portal.translate(item.body)
    reply = client.request(item.method, item.path, json=body) if body is not None else client.get(item.path)
    headers = frozenset(name for name in map(str.lower, reply.headers) if is_compared(name))
    return reply.status_code, reply.json() if reply.content else None, headers


def _iter_shape(value: Any, path: str = "") -> Iterator[str]:
    """Yield every key of a JSON value with its type; a list's items count together."""
    match value:
        case dict():
            yield f"{path}: object"
            for key, item in value.items():
                yield from _iter_shape(item, f"{path}.{key}")
        case list():
            yield f"{path}: array"
            for item in value:
                yield from _iter_shape(item, f"{path}.#")
        case bool():
            yield f"{path}: boolean"
        case None:
            yield f"{path}: null"
        case str():
            yield f"{path}: text"
        case _:
            yield f"{path}: number"


@cache
def _differences() -> dict[str, list[str]]:
    """Return what differs, by interaction."""
    found = {}
    for item in iter_interactions():
        status, reply, headers = _answer(item)
        ours, theirs = set(_iter_shape(reply)), set(_iter_shape(item.reply))
        differing = [f"+ {line}" for line in sorted(ours - theirs)] + [f"- {line}" for line in sorted(theirs - ours)]
        if status != item.status:
            differing.append(f"status {status}, recorded {item.status}")
        if item.headers is not None:
            differing += [f"+ header {name}" for name in sorted(headers - item.headers)]
            differing += [f"- header {name}" for name in sorted(item.headers - headers)]
        found[item.name] = differing
    return found


def _reasons(name: str, difference: str) -> list[int]:
    return [
        number
        for number, (names, differences, _) in enumerate(_DEVIATIONS)
        if fnmatchcase(name, names) and fnmatchcase(difference, differences)
    ]


def test_every_difference_from_a_recording_is_meant() -> None:
    unmeant = [
        f"{name}: {difference}"
        for name, differences in _differences().items()
        for difference in differences
        if not _reasons(name, difference)
    ]

    assert not unmeant, "\n" + "\n".join(unmeant)


def test_every_deviation_is_still_needed() -> None:
    used = {
        number
        for name, differences in _differences().items()
        for difference in differences
        for number in _reasons(name, difference)
    }

    assert [_DEVIATIONS[number] for number in range(len(_DEVIATIONS)) if number not in used] == []


def test_the_sandbox_takes_recorded_requests() -> None:
    client = TestClient(build_app(Portal().objects, Portal().faults), headers={"Authorization": f"Bearer {TOKEN}"})

    for name, body in recorded_requests():
        assert client.post("/crm/v3/objects/contacts/search", json=body).status_code == 200, name


def test_what_was_compared_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    differences, not_served = _differences(), count_not_served()
    equal = sum(not found for found in differences.values())
    kinds = Counter(name.partition(" ")[0] for name in differences)

    with capsys.disabled():
        print(  # noqa: T201
            f"\nrecorded HubSpot replies: compared {len(differences)} ({dict(kinds)}), equal {equal}, "
            f"with deviations {len(differences) - equal} (for {len(_DEVIATIONS)} reasons); "
            f"not served {sum(not_served.values())} of {len(not_served)} kinds"
        )
    print("\n".join(f"not served: {count} {name}" for name, count in not_served.items()))  # noqa: T201
    assert kinds["grouparoo"] == 60
    assert equal
