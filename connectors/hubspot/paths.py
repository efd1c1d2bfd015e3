"""Which version of HubSpot's API is called. The client only knows v3 and v4; its paths are rewritten to dated ones.

https://developers.hubspot.com/changelog: v4 is unsupported from 30 March 2027, v3 from September 2027; a dated version
lives for eighteen months. Paths that no rule names (owners, lists, account, oauth) have no dated form and stay.
"""

from datetime import date
from typing import Literal, TypeAlias

ApiVersion: TypeAlias = Literal["v3", "2026-03", "2026-09"]

# The day from which a version may stop answering.
ENDS_ON: dict[ApiVersion, date] = {
    "v3": date(2027, 3, 30),  # its associations are v4's
    "2026-03": date(2027, 9, 1),
    "2026-09": date(2028, 3, 1),
}
_DATED = {
    "/crm/v3/objects/": "/crm/objects/{version}/",
    "/crm/v4/objects/": "/crm/objects/{version}/",
    "/crm/v4/associations/": "/crm/associations/{version}/",
    "/crm/v3/properties/": "/crm/properties/{version}/",
    "/crm/v3/pipelines/": "/crm/pipelines/{version}/",
}


def dated_path(path: str, version: ApiVersion) -> str:
    """Return the client's path as `version` spells it."""
    if version == "v3":
        return path
    for prefix, dated in _DATED.items():
        if path.startswith(prefix):
            return dated.format(version=version) + path.removeprefix(prefix)
    return path
