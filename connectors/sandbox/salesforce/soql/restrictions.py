"""What Salesforce refuses of a query that is well-formed and whose fields are all there."""

from connectors.sandbox.salesforce.schema import SObject
from connectors.sandbox.salesforce.soql.errors import MALFORMED, SoqlError
from connectors.sandbox.salesforce.soql.functions import AGGREGATES
from connectors.sandbox.salesforce.soql.paths import Resolved
from connectors.sandbox.salesforce.soql.source import Source
from connectors.sandbox.salesforce.soql.syntax import (
    AllFields,
    Call,
    Column,
    Comparison,
    Condition,
    Junction,
    Path,
    Query,
    TypeOf,
    comparisons,
    required_comparisons,
)

_MAX_OFFSET = 2_000
_MAX_SEMI_JOINS = 2
_LINK_FIELDS = ("contentdocumentid", "linkedentityid")
_DEFINITION_FIELDS = ("entitydefinitionid", "durableid", "entitydefinition.qualifiedapiname")
# The codes and wordings of a bulk query's refusals are not confirmed, but for INVALIDENTITY and compound data:
# https://github.com/airbytehq/airbyte/pull/8206
_BULK_CODE = "API_ERROR"
_BULK_COMPOUND = "Selecting compound data not supported in Bulk Query"


def check_query(query: Query, sobject: SObject, source: Source) -> None:
    """Refuse what breaks a rule on whole queries.

    Raises:
        SoqlError: It does.
    """
    if query.all_rows:
        raise SoqlError(MALFORMED, "ALL ROWS not allowed in this context")
    if query.offset is not None and query.offset > _MAX_OFFSET:
        raise SoqlError("NUMBER_OUTSIDE_VALID_RANGE", f"Maximum SOQL offset allowed is {_MAX_OFFSET}")
    if not sobject.queryable:
        raise SoqlError("INVALID_TYPE_FOR_OPERATION", f"entity type {sobject.name} does not support query")
    check_semi_joins(query)
    if sobject.name == "ContentDocumentLink":
        _check_links(query, source)
    if sobject.name == "FieldDefinition" and not _required(query, _DEFINITION_FIELDS):
        raise SoqlError(
            MALFORMED, "FieldDefinition: a filter on a reified column is required [EntityDefinitionId,DurableId]"
        )


def check_semi_joins(query: Query) -> None:
    """Refuse joins where Salesforce takes none.

    https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select_comparisonoperators.htm
    """
    joins = [found for found in comparisons(query.condition) if isinstance(found.value, Query)]
    if len(joins) > _MAX_SEMI_JOINS:
        raise SoqlError(MALFORMED, f"Maximum {_MAX_SEMI_JOINS} semi join sub-selects are allowed")
    if len(joins) > len([found for found in _top_level(query.condition) if isinstance(found.value, Query)]):
        raise SoqlError(
            MALFORMED,
            "Semi join sub-selects are only allowed at the top level WHERE expressions and not in nested WHERE"
            " expressions",
        )


def check_bulk(query: Query, sobject: SObject) -> None:
    """Refuse what the Bulk API takes no query of.

    https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/queries.htm
    """
    if not sobject.bulk:
        raise SoqlError("INVALIDENTITY", f"Entity '{sobject.name}' is not supported by the Bulk API.")
    if query.offset is not None:
        raise SoqlError(_BULK_CODE, "OFFSET is not supported in Bulk Query")
    if query.groups:
        raise SoqlError(_BULK_CODE, "Aggregate Relationships not supported in Bulk Query")
    for item in query.items:
        if isinstance(item, Query):
            raise SoqlError(_BULK_CODE, "Nested Queries are not supported in Bulk Query")
        if isinstance(item, TypeOf):
            raise SoqlError(_BULK_CODE, "TYPEOF is not supported in Bulk Query")
        if isinstance(item, AllFields) and item.scope != "STANDARD":
            raise SoqlError(_BULK_CODE, f"FIELDS({item.scope}) is not supported in Bulk Query")
        if isinstance(item, Column) and isinstance(item.target, Call) and item.target.function in AGGREGATES:
            raise SoqlError(_BULK_CODE, "Aggregate functions are not supported in Bulk Query")


def check_bulk_columns(columns: list[Resolved]) -> None:
    """Refuse fields that have no place in a table of texts."""
    for column in columns:
        if column.field.type == "address":
            raise SoqlError(_BULK_CODE, _BULK_COMPOUND)
        if column.field.type == "base64":
            raise SoqlError(_BULK_CODE, "Binary fields cannot be selected in Bulk Query")


def _check_links(query: Query, source: Source) -> None:
    """Refuse to list links of files that the query does not name.

    https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/sforce_api_objects_contentdocumentlink.htm
    """
    named = _required(query, _LINK_FIELDS)
    if not named and not source.can_query_all_files():
        raise SoqlError(
            MALFORMED,
            "Implementation restriction: ContentDocumentLink requires a filter by a single Id on ContentDocumentId or"
            " LinkedEntityId using the equals operator or multiple Id's using the IN operator.",
        )
    by_document = any(_name(found) == "contentdocumentid" for found in named)
    through_document = any(_name(found).startswith("contentdocument.") for found in comparisons(query.condition))
    if by_document and through_document:
        raise SoqlError(
            MALFORMED,
            "Implementation restriction: filtering on non-id fields is only permitted when filtering by"
            " ContentDocumentLink.LinkedEntityId using the equals operator.",
        )


def _required(query: Query, names: tuple[str, ...]) -> list[Comparison]:
    """Return the comparisons that name one of the fields' values and that every row must fulfil."""
    found = required_comparisons(query.condition)
    return [item for item in found if item.operator in ("=", "IN") and _name(item) in names]


def _name(comparison: Comparison) -> str:
    return str(comparison.target).lower() if isinstance(comparison.target, Path) else ""


def _top_level(condition: Condition | None) -> list[Comparison]:
    if isinstance(condition, Junction):
        return [part for part in condition.parts if isinstance(part, Comparison)] if condition.operator == "AND" else []
    return [] if condition is None else [condition]
