"""Which engagements belong to which leads.

HubSpot can show an engagement before it is tied to its lead, and tying it later moves nobody's modification date. So
associations are read from both sides, and read again for everything that is young.
"""

from collections.abc import Sequence
from typing import Any

from hubspot.crm.associations.v4 import BatchInputPublicFetchAssociationsBatchRequest

from connectors.hubspot.replies import list_missing
from connectors.hubspot.transport import Transport

_BATCH_IDS = 100


def read_associated(transport: Transport, from_type: str, ids: Sequence[str], to_type: str) -> dict[str, list[str]]:
    """Return the ids of the `to_type` objects that each of these is tied to; nobody is left out for having none."""
    found: dict[str, list[str]] = {id_: [] for id_ in ids}
    waiting: list[dict[str, Any]] = [{"id": id_} for id_ in found]
    api = transport.client.crm.associations.v4.batch_api
    while waiting:
        batch, waiting = waiting[:_BATCH_IDS], waiting[_BATCH_IDS:]
        request = BatchInputPublicFetchAssociationsBatchRequest(inputs=batch)
        what = f"POST associations/{from_type}/{to_type}/batch/read"
        reply = transport.call(what, api.get_page, from_type, to_type, request)
        list_missing(what, reply)
        for result in reply.results:
            id_ = str(result._from.id)
            # The specification says string; on the wire it is an integer.
            found.setdefault(id_, []).extend(str(target.to_object_id) for target in result.to)
            if result.paging is not None and result.paging.next is not None:
                waiting.append({"id": id_, "after": result.paging.next.after})
    return {id_: list(dict.fromkeys(targets)) for id_, targets in found.items()}
