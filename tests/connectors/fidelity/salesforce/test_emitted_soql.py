"""Every query that our connector sends is SOQL by a grammar that is not ours, about fields that Salesforce has."""

import gzip
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pytest

from connectors.salesforce.schema import PREFIX
from tests.connectors.fidelity.salesforce import node_packages
from tests.connectors.fidelity.salesforce.emitted import hear
from tests.recordings import RECORDED

pytestmark = pytest.mark.integration

_SCHEMA = RECORDED / "salesforce_standard_schema.json.gz"
_needs_schema = pytest.mark.skipif(not _SCHEMA.is_file(), reason=f"needs the recorded schema {_SCHEMA}")
_REFERENCE = "https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference"
# What the recorded schema lacks, and where Salesforce says that it is there.
_NOT_IN_SCHEMA = {
    "Task.CompletedDateTime": f"younger than the recording: {_REFERENCE}/sforce_api_objects_task.htm",
    "FlowDefinitionView.ApiName": f"no part of it: {_REFERENCE}/sforce_api_objects_flowdefinitionview.htm",
    "FlowDefinitionView.IsActive": f"no part of it: {_REFERENCE}/sforce_api_objects_flowdefinitionview.htm",
    "FieldDefinition.EntityDefinition.QualifiedApiName": (
        f"the recording names no parents of it: {_REFERENCE}/sforce_api_objects_fielddefinition.htm"
    ),
    "PermissionSet.PermissionsQueryAllFiles": (
        "a right that the recorded org did not have:"
        " https://help.salesforce.com/s/articleView?id=sf.users_profiles_query_all_files.htm"
    ),
}


@cache
def _heard() -> tuple[tuple[str, ...], tuple[str, ...]]:
    queries, jobs = hear()
    return tuple(sorted(queries)), tuple(sorted(jobs))


@cache
def _parsed() -> tuple[dict[str, Any], ...]:
    queries, jobs = _heard()
    parsed = node_packages.run("parse_soql.mjs", given=[*queries, *jobs])
    return tuple(parsed)


@pytest.fixture(scope="module", autouse=True)
def _node() -> None:
    node_packages.install()


@cache
def _schema() -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(gzip.decompress(_SCHEMA.read_bytes()))
    return found


def test_every_query_is_soql_by_another_grammar() -> None:
    queries, jobs = _heard()

    refused = {soql: one["error"] for soql, one in zip([*queries, *jobs], _parsed(), strict=True) if "error" in one}
    assert refused == {}


def test_bulk_jobs_take_no_children_and_no_functions() -> None:
    jobs = _parsed()[len(_heard()[0]) :]

    kinds = {item["type"] for one in jobs for item in one["tree"]["fields"]}
    assert kinds <= {"Field", "FieldRelationship"}
    assert not any(name in one["tree"] for one in jobs for name in ("groupBy", "offset"))


def _iter_paths(tree: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """Yield the object and the path of every field that a query names."""
    sobject = tree.get("sObject") or f"{above}/{tree['relationshipName']}"
    for item in tree.get("fields", ()):
        match item["type"]:
            case "Field":
                yield sobject, item["field"]
            case "FieldRelationship":
                yield sobject, ".".join([*item["relationships"], item["field"]])
            case "FieldSubquery":
                yield from _iter_paths(item["subquery"], sobject)
            case "FieldFunctionExpression":
                yield from ((sobject, name) for name in item["parameters"] if isinstance(name, str))
    yield from ((sobject, item["field"]) for item in (*tree.get("orderBy", ()), *tree.get("groupBy", ())))
    yield from _iter_conditions(tree.get("where"), sobject)


def _iter_conditions(tree: Mapping[str, Any] | None, sobject: str) -> Iterator[tuple[str, str]]:
    if tree is None:
        return
    if "field" in tree:
        yield sobject, tree["field"]
    if "valueQuery" in tree:
        yield from _iter_paths(tree["valueQuery"])
    for side in ("left", "right"):
        yield from _iter_conditions(tree.get(side), sobject)


def _resolve(sobject: str, path: str) -> str:
    """Return `object.field` of what a path leads to, as far as the recorded schema knows it."""
    above, _, child = sobject.partition("/")
    if child:
        sobject = _schema()[above]["ChildRelationships"].get(child, f"{above}/{child}")
    *parents, name = path.split(".")
    for parent in parents:
        target = _schema().get(sobject, {}).get("ParentReferences", {}).get(parent)
        if target is None:
            return f"{sobject}.{path}"
        sobject = target.removesuffix("?")
    return f"{sobject}.{name}"


@cache
def _named() -> Counter[str]:
    """Return how many queries name each field, as `object.field`."""
    found: Counter[str] = Counter()
    for one in _parsed():
        found.update({_resolve(sobject, path) for sobject, path in _iter_paths(one["tree"])})
    return found


def _is_known(name: str) -> bool:
    sobject, _, field = name.rpartition(".")
    return field in _schema().get(sobject, {}).get("fields", {})


@_needs_schema
def test_every_field_that_is_asked_for_is_salesforces_or_has_a_reason() -> None:
    unknown = [
        name
        for name in sorted(_named())
        if not _is_known(name) and not name.rpartition(".")[2].startswith(PREFIX) and name not in _NOT_IN_SCHEMA
    ]

    assert unknown == []


@_needs_schema
def test_every_exception_is_still_needed() -> None:
    assert [name for name in _NOT_IN_SCHEMA if name not in _named() or _is_known(name)] == []


@_needs_schema
def test_what_was_asked_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    queries, jobs = _heard()
    named = _named()
    ours = sum(name.rpartition(".")[2].startswith(PREFIX) for name in named)
    objects = {one["tree"]["sObject"] for one in _parsed()}

    with capsys.disabled():
        print(  # noqa: T201
            f"\nqueries that our connector sends: {len(queries)} by REST and {len(jobs)} of Bulk jobs, all parsed; of"
            f" {len(objects)} objects with {len(named)} fields: {sum(map(_is_known, named))} in the recorded schema,"
            f" {ours} our own, {len(_NOT_IN_SCHEMA)} with a reason"
        )
    assert {"Lead", "Opportunity", "Task", "Event", "EmailMessage", "ContentVersion", "FeedItem"} <= objects
    assert len(queries) > 100
    assert jobs
