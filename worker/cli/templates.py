"""The files that `callfirst init` writes."""

from pathlib import Path

# What is the same for every CRM.
_REST = """\

[bands]
a = 10  # leads a rep can call today
b = 20  # and next
# amount_field = "amount"  # one of the fields that are read: who is called first is by chance times amount then

[worker]
nightly_at = "02:00"  # when everything is read and ranked anew
time_zone = "UTC"
poll_minutes = 5  # how often the CRM is asked what no webhook told; 0: never

[steadiness]
# What a lead shows is renewed when it moves by more than so many places, or than this share of its place.
places = 3
share = 0.1
max_churn = 0.3  # of all leads at a time, at most
"""
_TOML = {
    "hubspot": """\
# Policy. Secrets belong into .env; the environment wins over this file.

[hubspot]
# What is ranked: contacts, deals or leads. Deals and leads have pipelines that say themselves what is won and lost;
# leave out the next three lines for them.
object = "contacts"
# The contact property whose options are your stages, and the options that mean the end.
stage_property = "hs_lead_status"
won = ["WON"]
lost = ["LOST", "UNQUALIFIED"]
# Properties that must not count: outcomes in disguise, or what must not decide (gender, birth date).
excluded_fields = []
"""
    + _REST,
    "salesforce": """\
# Policy. Secrets belong into .env; the environment wins over this file.

[salesforce]
# What is ranked: Lead or Opportunity, whose stages say themselves which of them are closed: leave `lost` out for it.
object = "Lead"
# Converted leads are won. These statuses mean lost; every other one is a stage.
lost = ["Closed - Not Converted", "Unqualified"]
# Fields that must not count: outcomes in disguise, or what must not decide (gender, birth date).
excluded_fields = []
"""
    + _REST,
}
_ENVIRONMENT = {
    "hubspot": "HUBSPOT__ACCESS_TOKEN=\n",
    "salesforce": "SALESFORCE__INSTANCE_URL=https://yourcompany.my.salesforce.com\n"
    "SALESFORCE__CLIENT_ID=\nSALESFORCE__CLIENT_SECRET=\n",
}


def write_templates(folder: Path, crm: str) -> dict[str, bool]:
    """Write callfirst.toml and .env.example; say for each whether it was written. Existing files are kept."""
    texts = {"callfirst.toml": _TOML[crm], ".env.example": _ENVIRONMENT[crm]}
    results = {}
    for name, text in texts.items():
        try:
            with (folder / name).open("x") as file:
                file.write(text)
            results[name] = True
        except FileExistsError:
            results[name] = False
    return results
