"""Records one by one: reading, creating, changing and deleting them, and the contents of files.

https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_sobject_basic_info.htm
"""

from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from connectors.sandbox.salesforce.calls import Call, Refusal, Reply, not_found
from connectors.sandbox.salesforce.describing import render_summary
from connectors.sandbox.salesforce.ids import find_id
from connectors.sandbox.salesforce.index import Row
from connectors.sandbox.salesforce.org import SalesforceOrg
from connectors.sandbox.salesforce.schema import SObject
from connectors.sandbox.salesforce.soql import SoqlError
from connectors.sandbox.salesforce.values import render_row
from connectors.sandbox.salesforce.writing import Writer

_GONE = ("INVALID_CROSS_REFERENCE_KEY",)
_BODIES = ("VersionData", "Content")


class RecordCalls:
    """The handlers of single records."""

    def __init__(self, org: SalesforceOrg) -> None:
        self._org = org

    def summary(self, call: Call) -> Reply:
        """Answer what an object is; its recent records are left out."""
        return Reply({"objectDescribe": render_summary(self.definition(call), call.data), "recentItems": []})

    def create(self, call: Call) -> Reply:
        definition = self.definition(call)
        write = self._writer(call).create(definition.name, call.read_object())
        id_ = write()
        place = f"{call.data}/sobjects/{definition.name}/{id_}"
        return Reply({"id": id_, "success": True, "errors": []}, 201, {"Location": place})

    def get(self, call: Call) -> Reply:
        definition = self.definition(call)
        row = self._find(definition, call.params["id"])
        names = [name for name in call.query.get("fields", "").split(",") if name]
        known = {name.lower(): name for name in definition.fields}
        for name in names:
            if name.strip().lower() not in known:
                message = f"No such column '{name}' on entity '{definition.name}'."
                raise Refusal("INVALID_FIELD", message)
        chosen = [known[name.strip().lower()] for name in names] or list(definition.fields)
        if "Id" not in chosen:
            chosen.append("Id")
        changed: datetime = row.get("LastModifiedDate") or row.get("CreatedDate") or self._org.clock()
        stamp = format_datetime(changed.astimezone(UTC), usegmt=True)
        return Reply(render_row(definition, row, chosen, call.data), headers={"Last-Modified": stamp})

    def update(self, call: Call) -> Reply:
        definition = self.definition(call)
        try:
            self._writer(call).update(definition.name, call.params["id"], call.read_object())()
        except Refusal as refusal:
            raise _of_one_record(refusal) from None
        return Reply(status=204)

    def delete(self, call: Call) -> Reply:
        definition = self.definition(call)
        try:
            self._writer(call).delete(definition.name, call.params["id"])()
        except Refusal as refusal:
            raise _of_one_record(refusal) from None
        return Reply(status=204)

    def body(self, call: Call) -> Reply:
        """Answer the content of a file's version, or of a note."""
        definition = self.definition(call)
        if call.params["field"] not in _BODIES or call.params["field"] not in definition.fields:
            raise not_found()
        row = self._find(definition, call.params["id"])
        version = row["LatestPublishedVersionId"] if definition.name == "ContentNote" else row["Id"]
        return Reply(content=self._org.bodies[version], media_type="application/octet-stream")

    def upsert(self, call: Call) -> Reply:
        """Change the record that a field's value names, or create one."""
        definition, name = self.definition(call), call.params["field"]
        values = call.read_object()
        if name not in definition.fields:
            raise not_found()
        value = call.params["value"]
        live = find_by_value(self._org, definition, name, value)
        if len(live) > 1:
            data = call.data
            return Reply([f"{data}/sobjects/{definition.name}/{row['Id']}" for row in live], 300)
        writer = self._writer(call)
        if live:
            id_ = writer.update(definition.name, live[0]["Id"], values)()
        else:
            id_ = writer.create(definition.name, {**values, name: value})()
        return Reply({"id": id_, "success": True, "errors": [], "created": not live}, 200 if live else 201)

    def definition(self, call: Call) -> SObject:
        """Return the object that a path names."""
        try:
            return self._org.describe(call.params["type"])
        except SoqlError:
            raise not_found() from None

    def _find(self, definition: SObject, text: str) -> Row:
        id_ = find_id(text)
        if id_ is None:
            message = f"Provided external ID field does not exist or is not accessible: {text}"
            raise Refusal("NOT_FOUND", message, status=404)
        if definition.name == "ContentNote":
            row = next(iter(self._org.lookup("ContentNote", "Id", [id_])), None)
        else:
            row = self._org.find(id_) if self._org.type_of(id_) == definition.name else None
        if row is None:
            raise not_found()
        if row.get("IsDeleted"):
            raise Refusal("ENTITY_IS_DELETED", "entity is deleted", status=404)
        return row

    def _writer(self, call: Call) -> Writer:
        return Writer(self._org, auto_assign=call.auto_assign, saves_duplicates=call.saves_duplicates)


def _of_one_record(refusal: Refusal) -> Refusal:
    """Return a refusal as it is when the path names the record: what is not there is not found."""
    if refusal.code in _GONE:
        return not_found()
    status = 404 if refusal.code == "ENTITY_IS_DELETED" else refusal.status
    return Refusal(refusal.code, str(refusal), refusal.fields, status=status)


def find_by_value(org: SalesforceOrg, definition: SObject, name: str, value: str) -> list[Row]:
    """Return the records, deleted ones left out, that have a value in a field: how an upsert finds its record."""
    rows = (row for row in org.rows(definition.name) if not row.get("IsDeleted"))
    return [row for row in rows if str(row.get(name)) == value]


def render_results(results: list[str | Refusal]) -> list[dict[str, Any]]:
    """Return what became of several records, by position."""
    return [
        {"id": result, "success": True, "errors": []} if isinstance(result, str) else result.render_result()
        for result in results
    ]
