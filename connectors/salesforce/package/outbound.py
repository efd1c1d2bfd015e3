"""How an org tells Callfirst at once that something was written: a flow per object calls an outbound message.

The message carries ids and times, no text: it is a hint, and what changed is read again through the API.
https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/sforce_api_om_outboundmessaging.htm
"""

from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from pydantic import SecretStr

from connectors.hosts import is_loopback
from connectors.salesforce.package.markup import Node
from connectors.salesforce.package.parts import Part
from connectors.salesforce.transport import API_VERSION


@dataclass(frozen=True, slots=True)
class OutboundMessageTarget:
    """Where outbound messages go, and as whom Salesforce reads the records that they name.

    The URL is a secret: messages are not signed, so its token is what tells them from a stranger's.

    A flow is deployed as a draft unless asked otherwise: a production org refuses an active one, and with it the
    whole deployment, where it demands flow tests, and an active flow cannot be deleted.
    https://help.salesforce.com/s/articleView?id=platform.flow_distribute_deploy_active.htm

    Raises:
        ValueError: The URL is not https (this machine excepted), or there is no user.
    """

    endpoint_url: SecretStr
    integration_username: str
    flow_status: Literal["Draft", "Active"] = "Draft"

    def __post_init__(self) -> None:
        url = self.endpoint_url.get_secret_value()
        parts = urlsplit(url)
        if not parts.hostname or (parts.scheme != "https" and not is_loopback(url)):
            raise ValueError("outbound messages need an https address")
        if not self.integration_username:
            raise ValueError("outbound messages need the integration user's name")


@dataclass(frozen=True, slots=True)
class _Hint:
    """What is sent about an object's record, and which changes are worth sending."""

    sent: tuple[str, ...]
    watched: tuple[str, ...]


_TIMES = ("CreatedDate", "LastModifiedDate")  # equal times: the record is new
_HINTS = {
    "Task": _Hint(("Id", *_TIMES, "WhatId", "WhoId"), ("Subject", "Description", "Status", "WhoId", "WhatId")),
    "Event": _Hint(("Id", *_TIMES, "WhatId", "WhoId"), ("Subject", "Description", "StartDateTime", "WhoId", "WhatId")),
    "EmailMessage": _Hint(
        ("Id", *_TIMES, "ActivityId", "ParentId", "RelatedToId"),
        ("Subject", "TextBody", "HtmlBody", "Status", "RelatedToId"),
    ),
}
MESSAGE_OBJECTS = tuple(_HINTS)
# Not confirmed: that ISCHANGED takes long texts in a flow's entry condition, as it does in validation rules.
# If an org refuses the flow for that, take these out; new records are sent all the same.
_LONG_TEXTS = frozenset({"Description", "TextBody", "HtmlBody"})


def message_name(object_name: str) -> str:
    """Return the name of an object's outbound message."""
    return f"Callfirst_{object_name}"


def flow_name(object_name: str) -> str:
    """Return the name of the flow that sends an object's outbound message."""
    return f"Callfirst_{object_name}_Changed"


def define_outbound(target: OutboundMessageTarget) -> list[Part]:
    """Return an outbound message and its flow for each object that holds what people write."""
    messages = [_message(name, hint, target) for name, hint in _HINTS.items()]
    flows = [_flow(name, hint, target) for name, hint in _HINTS.items()]
    return [*messages, *flows]


def _message(object_name: str, hint: _Hint, target: OutboundMessageTarget) -> Part:
    body: list[Node] = [
        ("apiVersion", API_VERSION),
        ("description", "Tells Callfirst which record was written. Carries no text."),
        ("endpointUrl", target.endpoint_url.get_secret_value()),
        *(("fields", name) for name in hint.sent),
        # Never a session: whoever reads the message must not be able to act in the org.
        ("includeSessionId", "false"),
        ("integrationUser", target.integration_username),
        ("name", f"Callfirst: {object_name}"),
        ("protected", "false"),
        ("useDeadLetterQueue", "false"),
    ]
    return Part("WorkflowOutboundMessage", message_name(object_name), body, object_name)


def _flow(object_name: str, hint: _Hint, target: OutboundMessageTarget) -> Part:
    action: list[Node] = [
        ("name", "Tell_Callfirst"),
        ("label", "Tell Callfirst"),
        ("locationX", "176"),
        ("locationY", "323"),
        ("actionName", f"{object_name}.{message_name(object_name)}"),
        ("actionType", "outboundMessage"),
        # Sent when the rep's save commits, and not at all when it fails.
        ("flowTransactionModel", "CurrentTransaction"),
    ]
    start: list[Node] = [
        ("locationX", "50"),
        ("locationY", "0"),
        ("connector", [("targetReference", "Tell_Callfirst")]),
        ("filterFormula", _gate(hint)),
        ("object", object_name),
        ("recordTriggerType", "CreateAndUpdate"),
        ("triggerType", "RecordAfterSave"),
    ]
    body: list[Node] = [
        ("actionCalls", action),
        ("apiVersion", API_VERSION),
        ("description", f"Sends an outbound message when a record of {object_name} is new or says something else."),
        ("environments", "Default"),
        ("interviewLabel", f"Callfirst: {object_name} {{!$Flow.CurrentDateTime}}"),
        ("label", f"Callfirst: {object_name} changed"),
        ("processType", "AutoLaunchedFlow"),
        ("start", start),
        ("status", target.flow_status),
    ]
    return Part("Flow", flow_name(object_name), body)


def _gate(hint: _Hint) -> str:
    """Return the entry condition: without one, every save of whatever field would send a message."""
    return " || ".join(["ISNEW()", *(f"ISCHANGED({{!$Record.{name}}})" for name in hint.watched)])
