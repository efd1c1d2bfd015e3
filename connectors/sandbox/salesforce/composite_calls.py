"""Several calls in one.

How refusals are coded and worded here is not confirmed.

https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_composite.htm
"""

import json
import re
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, QueryParams

from connectors.sandbox.salesforce.calls import Call, Refusal, Reply, not_found
from connectors.sandbox.salesforce.routes import Routes
from connectors.sandbox.salesforce.soql import SoqlError

_MOST_CALLS = 25
_REFERENCE = re.compile(r"@\{(\w+)\.([\w.\[\]]+)\}")


class CompositeCalls:
    """The handlers of calls that hold calls. They know the routes once these are made."""

    def __init__(self) -> None:
        self.routes = Routes([])

    def run(self, call: Call) -> Reply:
        """Do up to 25 calls; a later one may refer to what an earlier one answered."""
        given = self._calls(call, "compositeRequest")
        all_or_none = bool(call.read_object().get("allOrNone"))
        answers: dict[str, Any] = {}
        results = []
        for item in given:
            reply = self._do(call, item["method"], _fill_in(item["url"], answers), item.get("body"), answers)
            answers[item["referenceId"]] = reply.body
            results.append(
                {
                    "body": reply.body,
                    "httpHeaders": dict(reply.headers),
                    "httpStatusCode": reply.status,
                    "referenceId": item["referenceId"],
                }
            )
            if all_or_none and reply.status >= 400:
                break
        return Reply({"compositeResponse": results})

    def run_batch(self, call: Call) -> Reply:
        """Do up to 25 calls that know nothing of each other."""
        given = self._calls(call, "batchRequests")
        replies = [
            self._do(call, item["method"], f"/services/data/{item['url']}", item.get("richInput"), {}) for item in given
        ]
        results = [{"statusCode": reply.status, "result": reply.body} for reply in replies]
        return Reply({"hasErrors": any(reply.status >= 400 for reply in replies), "results": results})

    def _calls(self, call: Call, key: str) -> list[dict[str, Any]]:
        given = call.read_object().get(key)
        if not isinstance(given, list) or not given:
            raise Refusal("JSON_PARSER_ERROR", f"{key} is required to be an array of calls")
        if len(given) > _MOST_CALLS:
            raise Refusal("LIMIT_EXCEEDED", f"The limit of {_MOST_CALLS} calls in one request is exceeded")
        return given

    def _do(self, call: Call, method: str, url: str, body: Any, answers: dict[str, Any]) -> Reply:
        parts = urlsplit(url)
        match = self.routes.find(method.upper(), parts.path)
        try:
            if match is None or match.route.pattern.startswith("composite/batch"):
                raise not_found()
            raw = _fill_in(json.dumps(body), answers).encode() if body is not None else b""
            inner = replace(call, params=match.params, query=QueryParams(parts.query), raw=raw, version=match.version)
            return match.route.handler(replace(inner, headers=Headers(dict(call.headers))))
        except SoqlError as error:
            return Reply([Refusal(error.code, str(error)).render()], 400)
        except Refusal as refusal:
            return Reply([refusal.render()], refusal.status)


def _fill_in(text: str, answers: dict[str, Any]) -> str:
    def find(match: re.Match[str]) -> str:
        value = answers.get(match.group(1))
        for step in re.findall(r"\w+", match.group(2)):
            value = value[int(step)] if isinstance(value, list) else (value or {}).get(step)
        return str(value)

    return _REFERENCE.sub(find, text)
