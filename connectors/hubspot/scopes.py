"""The rights that a HubSpot app needs for Callfirst, and no more."""

from connectors.hubspot.config import HubSpotConfig

_ALWAYS = (
    "crm.lists.read",
    "crm.lists.write",
    "crm.objects.contacts.read",  # engagements are read with it too
    "crm.objects.owners.read",
    "sales-email-read",  # without it HubSpot leaves the text of mails out, and says nothing
)


def needed_scopes(config: HubSpotConfig) -> frozenset[str]:
    """Return the scopes for the object that is ranked."""
    ranked = config.object
    return frozenset(
        {
            *_ALWAYS,
            f"crm.objects.{ranked}.read",
            f"crm.objects.{ranked}.write",
            f"crm.schemas.{ranked}.read",
            f"crm.schemas.{ranked}.write",
        }
    )
