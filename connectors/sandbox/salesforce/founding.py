"""What every org has from its first day: its name, its users, a queue, and the standard steps of the funnel."""

from typing import TYPE_CHECKING

from connectors.sandbox.salesforce.ids import ORG_ID, make_id
from connectors.sandbox.salesforce.stages import STAGES, STATUSES, define_stages, define_statuses

if TYPE_CHECKING:
    from connectors.sandbox.salesforce.org import SalesforceOrg

USERNAME = "integration@callfirst.example"
USER_ID = make_id("005", 1)  # the integration user: who calls the API
ADMIN_ID = make_id("005", 2)  # who writes when nobody is named
QUEUE_ID = make_id("00G", 1)  # where the active assignment rule puts leads
_PERMISSIONS = (
    "PermissionsApiEnabled",
    "PermissionsViewAllData",
    "PermissionsModifyAllData",
    "PermissionsQueryAllFiles",
    "PermissionsCustomizeApplication",
    "PermissionsModifyMetadata",
)


def found_org(org: "SalesforceOrg") -> None:
    """Make an org's first records."""
    born = org.founded_at
    rights = dict.fromkeys(_PERMISSIONS, True)
    profile = org.insert("Profile", {"Name": "System Administrator", "UserType": "Standard", **rights}, born)["Id"]
    # What a profile allows is also a permission set that the profile owns.
    # https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/sforce_api_objects_permissionset.htm
    owned = {"Name": "X00eSystemAdministrator", "Label": "System Administrator", "IsOwnedByProfile": True}
    set_ = org.insert("PermissionSet", {**owned, "ProfileId": profile, "Type": "Profile", **rights}, born)["Id"]
    for id_, name, last, first in (
        (USER_ID, USERNAME, "Integration", "Callfirst"),
        (ADMIN_ID, "admin@callfirst.example", "Admin", "Ada"),
    ):
        person = {"Username": name, "LastName": last, "FirstName": first, "Email": name, "IsActive": True}
        org.insert("User", {"Id": id_, **person, "UserType": "Standard", "ProfileId": profile}, born)
        org.insert("PermissionSetAssignment", {"AssigneeId": id_, "PermissionSetId": set_}, born)
    org.insert("Group", {"Id": QUEUE_ID, "Name": "Unassigned leads", "Type": "Queue"}, born)
    organisation = {"Name": "Callfirst Sandbox", "OrganizationType": "Developer Edition", "IsSandbox": False}
    org.insert("Organization", {"Id": ORG_ID, **organisation, "InstanceName": "WS1"}, born)
    define_statuses(org, STATUSES)
    define_stages(org, STAGES)
