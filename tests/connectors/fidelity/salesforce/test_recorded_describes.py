"""The sandbox describes Lead, Contact and Account as a real org was recorded to describe them, field by field."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from connectors.sandbox.salesforce import SalesforceOrg
from connectors.sandbox.salesforce.describing import render_object
from tests.connectors.fidelity.salesforce.recorded import recorded_describes
from tests.recordings import RECORDED

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not RECORDED.is_dir(), reason=f"needs the recorded replies in {RECORDED}"),
]

# Members of a field that are not held against the recordings, and why.
_NOT_COMPARED = {
    "label": "ours is made of the field's name",
    "picklistValues": "every org has its own",
}


@cache
def _pairs() -> tuple[tuple[str, dict[str, Any], dict[str, Any]], ...]:
    """Return the fields that the sandbox and the recordings both have: name, ours, theirs."""
    found = []
    org = SalesforceOrg()
    for sobject, recorded in recorded_describes().items():
        ours = {item["name"]: item for item in render_object(org.describe(sobject), "")["fields"]}
        for theirs in recorded["fields"]:
            if theirs["name"] in ours:
                found.append((f"{sobject}.{theirs['name']}", ours[theirs["name"]], theirs))
    return tuple(found)


def _iter_differences() -> Iterator[tuple[str, str]]:
    for name, ours, theirs in _pairs():
        for member, value in theirs.items():
            if ours.get(member) != value:
                yield name, member


def test_every_field_is_described_as_recorded() -> None:
    assert [found for found in _iter_differences() if found[1] not in _NOT_COMPARED] == []


def test_every_member_that_is_not_compared_differs_somewhere() -> None:
    assert _NOT_COMPARED.keys() - {member for _, member in _iter_differences()} == set()


def test_every_relationship_to_a_record_is_a_recorded_one() -> None:
    org = SalesforceOrg()
    keys = ("relationshipName", "childSObject", "field")
    for sobject, recorded in recorded_describes().items():
        ours, theirs = (
            {tuple(child[key] for key in keys) for child in described["childRelationships"]}
            for described in (render_object(org.describe(sobject), ""), recorded)
        )
        assert ours - theirs == set(), sobject


def test_what_was_compared_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    members = {member for _, _, theirs in _pairs() for member in theirs} - _NOT_COMPARED.keys()

    with capsys.disabled():
        print(  # noqa: T201
            f"\nrecorded descriptions: {len(_pairs())} fields of {len(recorded_describes())} objects, {len(members)}"
            f" members of each compared, {len(_NOT_COMPARED)} not"
        )
    assert len(_pairs()) > 120
