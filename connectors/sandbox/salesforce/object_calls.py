"""What the org is: its objects, its limits, and what of an object changed or went away.

The codes of refusals are documented; how they are worded is not confirmed.

https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_getdeleted.htm
"""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from connectors.sandbox.salesforce.calls import Call, Refusal, Reply, not_found
from connectors.sandbox.salesforce.describing import render_object, render_summary
from connectors.sandbox.salesforce.ids import ORG_ID
from connectors.sandbox.salesforce.org import USERNAME, SalesforceOrg
from connectors.sandbox.salesforce.schema import SObject
from connectors.sandbox.salesforce.soql import SoqlError
from connectors.sandbox.salesforce.values import render_value

_REMEMBERED = timedelta(days=30)
_MOST_CHANGES = 600_000
_RESOURCES = ("composite", "jobs", "limits", "metadata", "query", "queryAll", "sobjects", "tooling")
# Recorded of a developer org; the calls of the day are counted.
_LIMITS = {
    "ConcurrentAsyncGetReportInstances": (200, 200),
    "DailyAsyncApexExecutions": (250_000, 250_000),
    "DailyBulkApiBatches": (15_000, 15_000),
    "DailyBulkV2QueryFileStorageMB": (976_562, 976_562),
    "DailyBulkV2QueryJobs": (10_000, 10_000),
    "DataStorageMB": (5, 5),
    "FileStorageMB": (20, 20),
}


class ObjectCalls:
    """The handlers of the org's make-up."""

    def __init__(self, org: SalesforceOrg) -> None:
        self._org = org

    def resources(self, call: Call) -> Reply:
        identity = f"{call.origin}/id/{ORG_ID}/{call.user_id}"
        return Reply({name: f"{call.data}/{name}" for name in _RESOURCES} | {"identity": identity})

    def limits(self, _call: Call) -> Reply:
        faults = self._org.faults
        known = {"DailyApiRequests": (faults.daily_limit, max(faults.daily_limit - faults.used, 0)), **_LIMITS}
        return Reply({name: {"Max": most, "Remaining": left} for name, (most, left) in known.items()})

    def identity(self, call: Call) -> Reply:
        """Answer who is calling; this lies outside of every version of the API."""
        names = {"user_id": call.user_id, "organization_id": ORG_ID, "username": USERNAME, "email": USERNAME}
        more = {"preferred_username": USERNAME, "sub": f"{call.origin}/id/{ORG_ID}/{call.user_id}", "active": True}
        return Reply({**names, **more, "user_type": "STANDARD", "urls": {}})

    def list(self, call: Call) -> Reply:
        seen = []
        for name in sorted(self._org.objects):
            try:
                seen.append(self._org.describe(name))
            except SoqlError:
                continue
        listed = [render_summary(definition, call.data) for definition in seen]
        return Reply({"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": listed})

    def describe(self, call: Call) -> Reply:
        return Reply(
            render_object(self._definition(call), call.data, call.origin),
            headers={"Last-Modified": format_datetime(self._org.schema_changed_at, usegmt=True)},
        )

    def deleted(self, call: Call) -> Reply:
        """Answer which records were deleted in a span of time."""
        definition, start, end = self._span(call)
        table = self._org.tables[definition.name]
        rows = [
            {"id": item.id, "deletedDate": render_value(item.at)}
            for item in self._org.deletions
            if item.sobject == definition.name and start <= item.at < end and item.id in table
        ]
        _check_size(len(rows))
        earliest = render_value(self._org.clock() - _REMEMBERED)
        return Reply(
            {"deletedRecords": rows, "earliestDateAvailable": earliest, "latestDateCovered": render_value(end)}
        )

    def updated(self, call: Call) -> Reply:
        """Answer which records were created or changed in a span of time."""
        definition, start, end = self._span(call)
        rows = self._org.rows(definition.name)
        ids = [row["Id"] for row in rows if not row.get("IsDeleted") and start <= row["SystemModstamp"] < end]
        _check_size(len(ids))
        return Reply({"ids": ids, "latestDateCovered": render_value(end)})

    def _span(self, call: Call) -> tuple[SObject, datetime, datetime]:
        definition = self._definition(call)
        if not definition.replicateable:
            message = f"entity type {definition.name} is not replicateable"
            raise Refusal("INVALID_TYPE_FOR_OPERATION", message)
        start, end = (_read_time(call, name) for name in ("start", "end"))
        if end - start < timedelta(minutes=1):
            # Salesforce looks at whole minutes.
            raise Refusal("INVALID_REPLICATION_DATE", "endDate must be at least one minute greater than startDate")
        if start < self._org.clock() - _REMEMBERED:
            raise Refusal("INVALID_REPLICATION_DATE", "startDate before org's earliest available date")
        return definition, start, min(end, self._org.clock().replace(microsecond=0) + timedelta(seconds=1))

    def _definition(self, call: Call) -> SObject:
        try:
            return self._org.describe(call.params["type"])
        except SoqlError:
            raise not_found() from None


def _read_time(call: Call, name: str) -> datetime:
    text = call.query.get(name)
    if text is None:
        raise Refusal("MISSING_ARGUMENT", f"The {name} parameter is missing")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        # An unescaped plus sign arrives as a space.
        raise Refusal("INVALID_REPLICATION_DATE", f"{name} is no date: {text}") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _check_size(count: int) -> None:
    if count > _MOST_CHANGES:
        raise Refusal("EXCEEDED_ID_LIMIT", f"more than {_MOST_CHANGES} ids")
