"""Which Salesforce fields are read and written, and what we call them."""

from connectors.priority import PriorityField

# Standard Lead fields that describe the lead, with our names. Custom fields keep their own, without `__c`.
LEAD_FIELDS = {
    "Company": "company",
    "Title": "title",
    "Industry": "industry",
    "Country": "country",
    "City": "city",
    "NumberOfEmployees": "employees",
    "AnnualRevenue": "annual_revenue",
    "LeadSource": "source",
}
REQUIRED_FIELDS = ("Id", "Name", "Status", "OwnerId", "IsConverted", "CreatedDate", "SystemModstamp")
PREFIX = "Callfirst_"
PERMISSION_SET = "Callfirst"


def field_name(field: PriorityField) -> str:
    """Return one of our fields as Salesforce spells it."""
    words = "priority" if field.name == "band" else field.name
    return PREFIX + "_".join(word.capitalize() for word in words.split("_")) + "__c"
