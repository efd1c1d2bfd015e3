"""Looks for what a HubSpot portal would lose in silence. Reads only."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from hubspot.crm.objects import BatchReadInputSimplePublicObjectId, PublicObjectSearchRequest

from connectors.base import Health, HealthCheck
from connectors.errors import ConnectorError, InvalidRequestError, SchemaError
from connectors.health import run_checks
from connectors.hubspot.config import HubSpotConfig
from connectors.hubspot.fields import LeadFields
from connectors.hubspot.paths import ENDS_ON
from connectors.hubspot.schema import LEAD_OBJECTS, OWNER_PROPERTY, property_name
from connectors.hubspot.scopes import needed_scopes
from connectors.hubspot.stages import StageReader
from connectors.hubspot.transport import Transport
from connectors.priority import PRIORITY_FIELDS

_SAMPLE_ROWS = 100
_HISTORY_SAMPLE_ROWS = 50
# How many versions of a property HubSpot keeps. [Not verified against a portal.]
_HISTORY_DEPTH = {"contacts": 45, "deals": 20, "leads": 20}
_WARN_BEFORE_END = timedelta(days=90)
_LAG_THAT_MATTERS = timedelta(minutes=5)
_MAIL_CONTENT = ("hs_email_text", "hs_email_html")
# A hundred ids, each with its quotes and commas, keep within the 3,000 characters of a search's body.
_LAG_SAMPLE_ROWS = 50


class Doctor:
    """The checks of one portal, in the order in which a person would act on them."""

    def __init__(self, transport: Transport, config: HubSpotConfig, stages: StageReader, fields: LeadFields) -> None:
        self._transport = transport
        self._config = config
        self._lead = LEAD_OBJECTS[config.object]
        self._stages = stages
        self._fields = fields

    def check(self) -> list[HealthCheck]:
        """Run every check; a token that is refused ends them, for nothing else could be seen."""
        try:
            account = self._transport.request("GET", "/account-info/v3/details")
        except ConnectorError as error:
            return [HealthCheck("hubspot: portal", Health.FAIL, str(error), "check HUBSPOT__ACCESS_TOKEN")]
        checks = [
            HealthCheck("hubspot: portal", Health.OK, f"portal {account.get('portalId')}, {account.get('timeZone')}"),
            self._api_version(datetime.now(UTC).date()),
        ]
        named = {
            "scopes": self._scopes,
            "stages": self._stage_names,
            "excluded fields": self._excluded_fields,
            "our properties": self._own_properties,
            "text of mails": self._mail_texts,
            "stage history": self._history_depth,
            "owners": self._owners,
            "search": self._search_lag,
        }
        return [*checks, *run_checks("hubspot", named, missing_right="give the app this scope")]

    def _api_version(self, today: date) -> HealthCheck:
        ends_on = ENDS_ON[self._config.api_version]
        found = f"{self._config.api_version}, supported until {ends_on}"
        if ends_on - today > _WARN_BEFORE_END:
            return HealthCheck("hubspot: API version", Health.OK, found)
        return HealthCheck("hubspot: API version", Health.WARN, found, "set HUBSPOT__API_VERSION=2026-09")

    def _scopes(self) -> HealthCheck:
        what, needed = "hubspot: scopes", needed_scopes(self._config)
        token = self._config.access_token
        if token is None:
            return HealthCheck(what, Health.OK, "an OAuth app; a missing scope is named where it is needed")
        body = {"tokenKey": token.get_secret_value()}
        try:
            info = self._transport.request("POST", "/oauth/v2/private-apps/get/access-token-info", body)
        except InvalidRequestError:
            return HealthCheck(
                what, Health.WARN, "HubSpot does not list this token's scopes", "compare by hand: README"
            )
        granted = set(info.get("scopes", ()))
        missing, more = sorted(needed - granted), sorted(granted - needed - {"oauth"})
        if missing:
            return HealthCheck(what, Health.FAIL, f"missing: {', '.join(missing)}", "add them to the app in HubSpot")
        if more:
            return HealthCheck(what, Health.WARN, f"not needed: {', '.join(more)}", "remove them from the app")
        return HealthCheck(what, Health.OK, f"the {len(needed)} that are needed, and no other")

    def _stage_names(self) -> HealthCheck:
        try:
            stages = self._stages.list_stages()
        except SchemaError as error:
            return HealthCheck("hubspot: stages", Health.FAIL, str(error), "correct [hubspot] in callfirst.toml")
        open_ = [stage for stage in stages if stage.outcome == "open"]
        known = {stage.id for stage in stages}
        unknown = sorted({*(self._config.won or ()), *(self._config.lost or ())} - known)
        found = f"{len(open_)} open of {len(stages)} stages of {self._stages.property}"
        if unknown:
            return HealthCheck(
                "hubspot: stages", Health.WARN, f"{found}; no stage is called {', '.join(unknown)}", "correct won, lost"
            )
        return HealthCheck("hubspot: stages", Health.OK, found)

    def _excluded_fields(self) -> HealthCheck:
        known = {*self._fields.definitions, *self._lead.fields.values()}
        unknown = [name for name in self._config.excluded_fields if name not in known]
        if unknown:
            found = f"there is no property {', '.join(unknown)}: nothing is excluded by it"
            return HealthCheck("hubspot: excluded fields", Health.WARN, found, "correct excluded_fields")
        return HealthCheck("hubspot: excluded fields", Health.OK, f"{len(self._fields.names)} fields are read")

    def _own_properties(self) -> HealthCheck:
        missing = [property_name(f) for f in PRIORITY_FIELDS if property_name(f) not in self._fields.definitions]
        if missing:
            found = f"missing: {', '.join(missing)}"
            return HealthCheck("hubspot: our properties", Health.FAIL, found, "run `callfirst setup`")
        return HealthCheck("hubspot: our properties", Health.OK, f"all {len(PRIORITY_FIELDS)}")

    def _mail_texts(self) -> HealthCheck:
        """HubSpot answers without `sales-email-read` as with it, only that every mail is empty."""
        api = self._transport.client.crm.objects.basic_api
        rows = self._transport.call(
            "GET emails", api.get_page, "emails", limit=20, properties=list(_MAIL_CONTENT)
        ).results
        what = "hubspot: text of mails"
        if not rows:
            return HealthCheck(what, Health.OK, "there are no mails yet")
        with_text = sum(any(row.properties.get(name) for name in _MAIL_CONTENT) for row in rows)
        if with_text == 0:
            found = f"none of {len(rows)} mails shows any text"
            return HealthCheck(what, Health.FAIL, found, "give the app the scope sales-email-read")
        return HealthCheck(what, Health.OK, f"{with_text} of {len(rows)} mails show their text")

    def _history_depth(self) -> HealthCheck:
        api = self._transport.client.crm.objects.basic_api
        stage, type_ = self._stages.property, self._lead.type
        wanted: dict[str, Any] = {"limit": _HISTORY_SAMPLE_ROWS, "properties_with_history": [stage]}
        rows = self._transport.call(f"GET {type_}", api.get_page, type_, properties=[stage], **wanted).results
        lengths = [len((row.properties_with_history or {}).get(stage, ())) for row in rows]
        what, depth = "hubspot: stage history", _HISTORY_DEPTH[type_]
        full = sum(length >= depth for length in lengths)
        if full:
            found = f"{full} of {len(rows)} leads have {depth} entries or more: HubSpot drops the oldest"
            return HealthCheck(what, Health.WARN, found, "pull often: what was read once is kept here")
        return HealthCheck(what, Health.OK, f"at most {max(lengths, default=0)} entries a lead")

    def _owners(self) -> HealthCheck:
        api, what = self._transport.client.crm.objects.search_api, "hubspot: owners"
        active = self._list_owners()
        has_owner = {"propertyName": OWNER_PROPERTY, "operator": "HAS_PROPERTY"}
        request = PublicObjectSearchRequest(
            filter_groups=[{"filters": [has_owner]}], properties=[OWNER_PROPERTY], limit=_SAMPLE_ROWS, sorts=[]
        )
        type_ = self._lead.type
        rows = self._transport.call(f"POST {type_}/search", api.do_search, type_, request).results
        lost = {row.properties[OWNER_PROPERTY] for row in rows} - active
        if lost:
            found = f"{len(lost)} owners of leads are deactivated or unknown"
            return HealthCheck(what, Health.WARN, found, "give their leads to somebody, or nobody will see the order")
        return HealthCheck(what, Health.OK, f"{len(active)} active, {len(rows)} leads looked at")

    def _list_owners(self) -> set[str]:
        api = self._transport.client.crm.owners.owners_api
        found: set[str] = set()
        after: str | None = None
        while True:
            reply = self._transport.call("GET owners", api.get_page, limit=_SAMPLE_ROWS, after=after)
            found |= {str(owner.id) for owner in reply.results}
            if reply.paging is None or reply.paging.next is None:
                return found
            after = reply.paging.next.after

    def _search_lag(self) -> HealthCheck:
        """Compare what the search shows of the newest leads with the records themselves."""
        objects, type_ = self._transport.client.crm.objects, self._lead.type
        request = PublicObjectSearchRequest(
            filter_groups=[],
            sorts=[{"propertyName": self._lead.modified, "direction": "DESCENDING"}],
            properties=["hs_object_id"],
            limit=_LAG_SAMPLE_ROWS,
        )
        indexed = self._transport.call(f"POST {type_}/search", objects.search_api.do_search, type_, request).results
        if not indexed:
            return HealthCheck("hubspot: search", Health.OK, "there are no leads yet")
        ids = BatchReadInputSimplePublicObjectId(
            inputs=[{"id": row.id} for row in indexed], properties=["hs_object_id"], properties_with_history=[]
        )
        rows = self._transport.call(f"POST {type_}/batch/read", objects.batch_api.read, type_, ids).results
        lag = _lag(indexed, rows, datetime.now(UTC))
        found = f"at least {lag.total_seconds():.0f} s behind" if lag else "shows what the records show"
        if lag > _LAG_THAT_MATTERS:
            fix = "run `callfirst pull --full` if it lasts: reading looks back 10 minutes"
            return HealthCheck("hubspot: search", Health.WARN, found, fix)
        return HealthCheck("hubspot: search", Health.OK, found)


def _lag(indexed: Sequence[Any], rows: Sequence[Any], now: datetime) -> timedelta:
    """Return for how long at least the index has not seen a change that the record has."""
    shown = {row.id: row.updated_at for row in indexed}
    unseen = [now - row.updated_at for row in rows if row.id in shown and row.updated_at > shown[row.id]]
    return max(unseen, default=timedelta())
