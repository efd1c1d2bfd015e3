"""The calls about the portal itself: its pipelines, owners, details and tokens."""

from typing import Any
from urllib.parse import parse_qsl

from connectors.sandbox.hubspot.calls import Call, Refusal, Reply, checked_text
from connectors.sandbox.hubspot.faults import HubSpotFaults
from connectors.sandbox.hubspot.objects import HubSpotObjects
from connectors.sandbox.hubspot.records import PORTAL_ID
from connectors.sandbox.hubspot.rendering import UI_DOMAIN
from connectors.sandbox.hubspot.tokens import Tokens

_MAX_OWNERS = 500
_JOINED = "2024-01-08T08:00:00.000Z"


class AccountCalls:
    """What a client asks about the portal, rather than about its records."""

    def __init__(self, objects: HubSpotObjects, faults: HubSpotFaults, tokens: Tokens) -> None:
        self._objects = objects
        self._faults = faults
        self._tokens = tokens

    def list_pipelines(self, call: Call) -> Reply:
        return Reply({"results": self._objects.pipelines.get(call.type.plural, [])})

    def get_pipeline(self, call: Call) -> Reply:
        for pipeline in self._objects.pipelines.get(call.type.plural, []):
            if pipeline["id"] == call.params["id"]:
                return Reply(pipeline)
        raise Refusal(404, f"Pipeline {call.params['id']} does not exist", "OBJECT_NOT_FOUND")

    def list_stages(self, call: Call) -> Reply:
        pipeline = self.get_pipeline(call).body
        return Reply({"results": pipeline["stages"]})

    def list_owners(self, call: Call) -> Reply:
        limit, after = call.number("limit", 100), call.number("after", 0)
        if not 1 <= limit <= _MAX_OWNERS:
            raise Refusal(400, f"limit must be between 1 and {_MAX_OWNERS}", "VALIDATION_ERROR")
        email, archived = call.query.get("email"), call.flag("archived")
        owners = [
            _render_owner(owner)
            for owner in sorted(self._objects.owners, key=lambda owner: int(owner["id"]))
            if owner["archived"] == archived and int(owner["id"]) > after and email in (None, "", owner["email"])
        ]
        body: dict[str, Any] = {"results": owners[:limit]}
        if len(owners) > limit:
            last = owners[limit - 1]["id"]
            link = f"https://api.hubapi.com/crm/v3/owners?limit={limit}&after={last}"
            body["paging"] = {"next": {"after": last, "link": link}}
        return Reply(body)

    def get_owner(self, call: Call) -> Reply:
        key = "userId" if call.query.get("idProperty", "id") == "userId" else "id"
        archived = call.flag("archived")
        for owner in self._objects.owners:
            if str(owner[key]) == call.params["id"] and owner["archived"] == archived:
                return Reply(_render_owner(owner))
        raise Refusal(404, "resource not found", "OBJECT_NOT_FOUND")

    def details(self, _call: Call) -> Reply:
        return Reply(
            {
                "portalId": PORTAL_ID,
                "accountType": "STANDARD",
                "timeZone": "Europe/Berlin",
                "companyCurrency": "EUR",
                "additionalCurrencies": [],
                "utcOffset": "+01:00",
                "utcOffsetMilliseconds": 3_600_000,
                "uiDomain": UI_DOMAIN,
                "dataHostingLocation": "eu1",
            }
        )

    def issue_token(self, call: Call) -> Reply:
        if not call.content_type.startswith("application/x-www-form-urlencoded"):
            raise Refusal(415, "HTTP 415 Unsupported Media Type")
        form = dict(parse_qsl(call.raw.decode()))
        return Reply(self._tokens.issue(form, self._faults.token_lifetime_seconds))

    def describe_token(self, call: Call) -> Reply:
        return Reply(self._tokens.describe(call.params["token"], self._faults.missing))

    def describe_private_token(self, call: Call) -> Reply:
        token = checked_text(call.read({"tokenKey"}).get("tokenKey", ""))
        return Reply(self._tokens.describe_private(token, self._faults.missing))


def _render_owner(owner: dict[str, Any]) -> dict[str, Any]:
    dates = {"createdAt": _JOINED, "updatedAt": _JOINED}
    return {"userIdIncludingInactive": owner["userId"], **dates} | owner
