"""The sandbox answers recorded requests as the real orgs did: status, keys, JSON types, headers, and wording."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from tests.connectors.fidelity.salesforce.recorded import iter_interactions, reasons_not_served
from tests.connectors.fidelity.salesforce.recorded_replies import answer
from tests.recordings import RECORDED

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not RECORDED.is_dir(), reason=f"needs the recorded replies in {RECORDED}"),
]


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
            yield f"{path}: {_kind_of(value)}"
        case _:
            yield f"{path}: number"


def _kind_of(text: str) -> str:
    return next((kind for kind, pattern in _KINDS.items() if re.fullmatch(pattern, text)), "text")


# How Salesforce spells what JSON has no type for.
_KINDS = {
    "time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000",
    "date": r"\d{4}-\d\d-\d\d",
    "id": r"(?=.*\d)[0-9a-zA-Z]{18}",
    "path of an id": r"/services/data/v\d+\.0/sobjects/\w+/[0-9a-zA-Z]{18}",
}
# What an answer says in words, rather than of a record.
_WORDS = {"message", "errorCode", "statusCode", "success", "errorMessage", "jobType", "done"} | {
    "state",
    "operation",
    "object",
    "concurrencyMode",
    "contentType",
    "contentUrl",
    "lineEnding",
    "columnDelimiter",
    "externalIdFieldName",
}


def _iter_words(value: Any, path: str = "") -> Iterator[str]:
    """Yield the words of a JSON value, ids in them left out."""
    match value:
        case dict():
            for key, item in value.items():
                if key in _WORDS and not isinstance(item, (dict, list)):
                    yield f"{path}.{key} = {re.sub(_ID, '*', json.dumps(item))}"
                elif key == "fields" and all(isinstance(name, str) for name in item):
                    yield f"{path}.{key} = {json.dumps(item)}"
                else:
                    yield from _iter_words(item, f"{path}.{key}")
        case list():
            for number, item in enumerate(value):
                yield from _iter_words(item, f"{path}.{number}")


_ID = re.compile(r"\b(?=\w*\d)[0-9a-zA-Z]{15}(?:[0-9a-zA-Z]{3})?\b")


def _compare(ours: set[str], theirs: set[str]) -> list[str]:
    return [f"+ {line}" for line in sorted(ours - theirs)] + [f"- {line}" for line in sorted(theirs - ours)]


@cache
def _differences() -> dict[str, list[str]]:
    """Return what differs, by interaction: `+` only the sandbox has it, `-` only the recording."""
    found = {}
    for item in iter_interactions():
        status, reply, headers = answer(item)
        if item.text:
            differing = _compare(set(reply.splitlines()), set(item.reply.splitlines()))
        else:
            differing = _compare(set(_iter_shape(reply)), set(_iter_shape(item.reply)))
            differing += _compare(set(_iter_words(reply)), set(_iter_words(item.reply)))
        if status != item.status:
            differing.append(f"status {status}, recorded {item.status}")
        if item.headers is not None:
            ours, theirs = ({f"header {name}" for name in names} for names in (headers, item.headers))
            differing += _compare(ours, theirs)
        found[item.name] = differing
    return found


def _lines(sign: str, prefix: str, *lines: str) -> tuple[str, ...]:
    return tuple(f"{sign} {prefix}{line}" for line in lines)


_GET_ACCOUNT, _GET_CONTACT, _GET_LEAD = (
    f"grouparoo GET sobjects/{name}/* 200" for name in ("Account", "Contact", "Lead")
)
_OLD_DESCRIBES = tuple(f"grouparoo GET sobjects/{name}/describe 200" for name in ("Account", "Contact", "Lead"))
_ACCOUNT_SAMPLE, _ORGANIZATION_SAMPLE = (
    f"amp-labs metadata/read/{name}-sampled.json" for name in ("accounts", "organization")
)
_BODY = ".compositeResponse.#.body"

# Interactions by name, differences (`+` only the sandbox has it, `-` only the recording), and why they are there.
_DEVIATIONS: list[tuple[tuple[str, ...], tuple[str, ...], str]] = [
    (
        (_GET_ACCOUNT,),
        _lines(
            "-",
            ".",
            "BillingGeocodeAccuracy: null",
            "BillingLatitude: null",
            "BillingLongitude: null",
            "ShippingGeocodeAccuracy: null",
            "ShippingLatitude: null",
            "ShippingLongitude: null",
            "CleanStatus: text",
            "DandbCompanyId: null",
            "DunsNumber: null",
            "Jigsaw: null",
            "JigsawCompanyId: null",
            "NaicsCode: null",
            "NaicsDesc: null",
            "OperatingHoursId: null",
            "Tradestyle: null",
            "YearStarted: null",
        ),
        "fields that nothing here reads: places on a map, and what a data vendor adds",
    ),
    (
        (_GET_CONTACT,),
        _lines(
            "-",
            ".",
            "CleanStatus: text",
            "IndividualId: null",
            "Jigsaw: null",
            "JigsawContactId: null",
            "LastCURequestDate: null",
            "LastCUUpdateDate: null",
            "MailingGeocodeAccuracy: null",
            "MailingLatitude: null",
            "MailingLongitude: null",
            "OtherAddress: null",
            "OtherCity: null",
            "OtherCountry: null",
            "OtherGeocodeAccuracy: null",
            "OtherLatitude: null",
            "OtherLongitude: null",
            "OtherPostalCode: null",
            "OtherState: null",
            "OtherStreet: null",
        ),
        "fields that nothing here reads: a second address, places on a map, and what a data vendor adds",
    ),
    (
        (_GET_CONTACT,),
        _lines("+", ".", "DoNotCall: boolean", "HasOptedOutOfEmail: boolean"),
        "the recorded user had no right to see them",
    ),
    (
        (_GET_LEAD,),
        _lines(
            "-",
            ".",
            "CompanyDunsNumber: null",
            "DandbCompanyId: null",
            "IndividualId: null",
            "JigsawContactId: null",
        ),
        "fields that nothing here reads: what a data vendor adds",
    ),
    (
        (_GET_ACCOUNT, _GET_CONTACT, _GET_LEAD),
        (
            *_lines("+", ".", "LastReferencedDate: null", "LastViewedDate: null", "PhotoUrl: null"),
            *_lines("-", ".", "LastReferencedDate: time", "LastViewedDate: time", "PhotoUrl: text"),
        ),
        "nobody has looked at the record on a page: there are no pages here",
    ),
    (
        _OLD_DESCRIBES,
        _lines(
            "+",
            ".",
            "associateEntityType: null",
            "associateParentEntity: null",
            "deepCloneable: boolean",
            "defaultImplementation: null",
            "extendedBy: null",
            "extendsInterfaces: null",
            "fields.#.aiPredictionField: boolean",
            "fields.#.formulaTreatNullNumberAsZero: boolean",
            "implementedBy: null",
            "implementsInterfaces: null",
            "isInterface: boolean",
        ),
        "members of later versions than 42.0, which the recordings of version 60.0 have",
    ),
    (
        _OLD_DESCRIBES,
        _lines("-", ".", "childRelationships.#.relationshipName: null"),
        "children without a relationship, which no query can name, are left out",
    ),
    (
        (_ORGANIZATION_SAMPLE,),
        _lines(
            "-",
            f"{_BODY}.childRelationships.#",
            ": object",
            ".cascadeDelete: boolean",
            ".childSObject: text",
            ".deprecatedAndHidden: boolean",
            ".field: text",
            ".junctionIdListNames: array",
            ".junctionReferenceTo: array",
            ".relationshipName: null",
            ".relationshipName: text",
            ".restrictedDelete: boolean",
        ),
        "nothing here asks for what belongs to the organization",
    ),
    (
        (_ORGANIZATION_SAMPLE,),
        _lines(
            "-",
            f"{_BODY}.fields.#.picklistValues.#",
            ": object",
            ".active: boolean",
            ".defaultValue: boolean",
            ".label: text",
            ".validFor: null",
            ".value: text",
        ),
        "the choices of the organization's fields (languages, countries) are left out",
    ),
    (
        (_ORGANIZATION_SAMPLE,),
        (
            *_lines(
                "+", f"{_BODY}.fields.#", ".extraTypeInfo: text", ".referenceTo.#: text", ".relationshipName: text"
            ),
            *_lines(
                "+",
                f"{_BODY}.urls",
                ".approvalLayouts: text",
                ".compactLayouts: text",
                ".layouts: text",
                ".listviews: text",
                ".quickActions: text",
                ".uiDetailTemplate: text",
                ".uiEditTemplate: text",
                ".uiNewRecord: text",
            ),
        ),
        "the sample has few fields; an organization has no pages, so no layouts of them (not imitated)",
    ),
    (
        (_ACCOUNT_SAMPLE,),
        (
            f"- {_BODY}.urls: array",
            *_lines(
                "+",
                f"{_BODY}.urls",
                ": object",
                ".approvalLayouts: text",
                ".compactLayouts: text",
                ".describe: text",
                ".layouts: text",
                ".listviews: text",
                ".quickActions: text",
                ".rowTemplate: text",
                ".sobject: text",
                ".uiDetailTemplate: text",
                ".uiEditTemplate: text",
                ".uiNewRecord: text",
            ),
        ),
        "an object without members, as its authors' sampling left it",
    ),
    (
        (_ACCOUNT_SAMPLE, _ORGANIZATION_SAMPLE),
        (f"+ {_BODY}.fields.#.defaultValue: boolean",),
        "a sample of few fields, none of them a checkbox with a default",
    ),
    (
        (_ACCOUNT_SAMPLE, _ORGANIZATION_SAMPLE),
        ("- .compositeResponse.#.httpHeaders.ETag: text",),
        "a describe can be asked for again if it changed; nobody here does",
    ),
    (
        ("amp-labs read-list-leads.json",),
        ("- .nextRecordsUrl: text",),
        "made up by its authors: a page that is done names no further one",
    ),
    (
        ("amp-labs metadata/write/user-info.json",),
        (
            *_lines("+", ".", "email: text", "organization_id: id", "preferred_username: text", "sub: text"),
            "+ .username: text",
            "+ .user_id: id",
            "- .user_id: text",
        ),
        "a fixture shortened by its authors, with a made-up id",
    ),
    (
        ("amp-labs metadata/write/user-info.json",),
        (
            *_lines("-", ".", "address.country: text", "address: object", "email_verified: boolean"),
            *_lines("-", ".", "is_salesforce_integration_user: boolean", "language: text", "locale: text"),
            *_lines("-", ".", "updated_at: text", "utcOffset: number", "zoneinfo: text"),
        ),
        "of the user only its ids and names are told",
    ),
]


def _reasons(name: str, difference: str) -> list[int]:
    kind = name.partition(" #")[0]
    return [
        number
        for number, (names, differences, _) in enumerate(_DEVIATIONS)
        if kind in names and difference in differences
    ]


def _is_cut(name: str, difference: str, differences: list[str]) -> bool:
    """Say whether the sandbox only shows the items of a list that a sample's authors have emptied."""
    if not name.endswith("-sampled.json"):
        return False
    emptied = [line.removesuffix(": object") for line in differences if re.fullmatch(r"\+ .*\.#: object", line)]
    return any(difference.startswith(items) for items in emptied)


def test_every_difference_from_a_recording_is_meant() -> None:
    unmeant = [
        f"{name}: {difference}"
        for name, differences in _differences().items()
        for difference in differences
        if not _reasons(name, difference) and not _is_cut(name, difference, differences)
    ]

    assert not unmeant, "\n" + "\n".join(unmeant)


def test_every_deviation_is_still_needed() -> None:
    found = {
        (name.partition(" #")[0], difference)
        for name, differences in _differences().items()
        for difference in differences
    }

    unneeded = [
        (name, difference)
        for names, differences, _ in _DEVIATIONS
        for name in names
        for difference in differences
        if (name, difference) not in found
    ]
    assert unneeded == []


def test_every_recording_that_is_not_compared_has_a_reason() -> None:
    assert [name for name, reason in reasons_not_served().items() if not reason] == []


def test_what_was_compared_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    differences, not_served = _differences(), reasons_not_served()
    equal = sum(not found for found in differences.values())
    kinds = Counter(name.partition(" ")[0] for name in differences)

    with capsys.disabled():
        print(  # noqa: T201
            f"\nrecorded Salesforce replies: compared {len(differences)} ({dict(kinds)}), equal {equal}, "
            f"with deviations {len(differences) - equal} (for {len(_DEVIATIONS)} reasons);"
            f" not served {len(not_served)}"
        )
    print("\n".join(f"not served: {name}: {reason}" for name, reason in not_served.items()))  # noqa: T201
    assert kinds["grouparoo"] + kinds["amp-labs"] == len(differences)
    assert equal > 60
