"""What the API says of its objects and their fields.

Every member of the recorded describes is there; those that nothing here depends on hold what they hold of most fields.
"""

from typing import Any

from connectors.sandbox.salesforce.compounds import compound_of
from connectors.sandbox.salesforce.deletion import CHILDREN
from connectors.sandbox.salesforce.schema import ChildRelationship, Field, SObject

SOAP_TYPES = {
    "id": "tns:ID",
    "reference": "tns:ID",
    "boolean": "xsd:boolean",
    "int": "xsd:int",
    "double": "xsd:double",
    "currency": "xsd:double",
    "percent": "xsd:double",
    "datetime": "xsd:dateTime",
    "date": "xsd:date",
    "base64": "xsd:base64Binary",
    "anyType": "xsd:anyType",
    "address": "urn:address",
}
_URLS = {"rowTemplate": "/{{ID}}", "describe": "/describe", "sobject": "", "layouts": "/describe/layouts"} | {
    "approvalLayouts": "/describe/approvalLayouts",
    "compactLayouts": "/describe/compactLayouts",
    "listviews": "/listviews",
    "quickActions": "/quickActions",
}
_NO = ("activateable", "customSetting", "deprecatedAndHidden", "hasSubtypes", "isInterface", "isSubtype")
# Recorded of a new version of the API; most objects have none of it.
_NONE = (
    *("associateEntityType", "associateParentEntity", "defaultImplementation", "extendedBy", "extendsInterfaces"),
    *("implementedBy", "implementsInterfaces"),
)
# Lists that are put together of other records, and so go with what they are about.
_LISTS = (
    *("ActivityHistory", "AttachedContentDocument", "LeadFeed", "NoteAndAttachment", "OpenActivity"),
    "OpportunityFeed",
)
_PEOPLE = ("User", "Group")
_MASTER_RECORD_TYPE = "012000000000000AAA"


def render_summary(definition: SObject, data: str) -> dict[str, Any]:
    """Return an object as the list of all objects shows it."""
    path = f"{data}/sobjects/{definition.name}"
    return {
        **dict.fromkeys(_NO, False),
        **dict.fromkeys(_NONE),
        "createable": definition.createable,
        "custom": definition.name.endswith("__c"),
        "deepCloneable": False,
        "deletable": definition.deletable,
        "feedEnabled": definition.name in ("Lead", "Opportunity", "Contact", "Account"),
        "keyPrefix": definition.prefix,
        "label": definition.label,
        "labelPlural": f"{definition.label}s",
        "layoutable": definition.prefix is not None,
        "mergeable": definition.name in ("Lead", "Contact", "Account"),
        "mruEnabled": definition.prefix is not None,
        "name": definition.name,
        "queryable": definition.queryable,
        "replicateable": definition.replicateable,
        "retrieveable": definition.queryable,
        "searchable": definition.queryable,
        "triggerable": definition.createable,
        "undeletable": definition.deletable,
        "updateable": definition.updateable,
        "urls": {name: path + rest.replace("{{", "{").replace("}}", "}") for name, rest in _URLS.items()},
    }


def render_object(definition: SObject, data: str, origin: str = "") -> dict[str, Any]:
    """Return an object with its fields and the relationships that lead to it; `origin` is where people see records."""
    layout = f"{data}/sobjects/{definition.name}/describe/layouts/{_MASTER_RECORD_TYPE}"
    summary = render_summary(definition, data)
    pages = {"uiDetailTemplate": f"{origin}/{{ID}}", "uiEditTemplate": f"{origin}/{{ID}}/e"}
    return {
        **summary,
        "urls": {**summary["urls"], **pages, "uiNewRecord": f"{origin}/{definition.prefix}/e"}
        if definition.prefix
        else summary["urls"],
        "actionOverrides": [],
        "compactLayoutable": definition.prefix is not None,
        "childRelationships": [
            {
                "cascadeDelete": _goes_with(definition, child),
                "childSObject": child.sobject,
                "deprecatedAndHidden": False,
                "field": child.field,
                "junctionIdListNames": [],
                "junctionReferenceTo": [],
                "relationshipName": child.name,
                "restrictedDelete": False,
            }
            for child in definition.children
        ],
        "fields": [render_field(definition, field) for field in definition.fields.values()],
        "listviewable": None,
        "lookupLayoutable": None,
        "namedLayoutInfos": [],
        "networkScopeFieldName": None,
        "recordTypeInfos": [
            {
                "active": True,
                "available": True,
                "defaultRecordTypeMapping": True,
                "master": True,
                "name": "Master",
                "recordTypeId": _MASTER_RECORD_TYPE,
                "urls": {"layout": layout},
            }
        ],
        "searchLayoutable": definition.queryable,
        "sobjectDescribeOption": "FULL",
        "supportedScopes": _list_scopes(definition),
    }


def render_field(definition: SObject, field: Field) -> dict[str, Any]:
    """Return a field with every member that the recorded describes have."""
    compound = compound_of(definition, field)
    text = field.type not in ("boolean", "int", "double", "currency", "percent", "datetime", "date")
    long_text = field.type == "textarea" and field.length > 255
    choices = [
        {"active": True, "defaultValue": choice == field.default, "label": choice, "validFor": None, "value": choice}
        for choice in field.choices
    ]
    return {
        "aggregatable": not long_text and field.type not in ("base64", "boolean", "address"),
        "aiPredictionField": False,
        "autoNumber": False,
        "byteLength": field.length * 3 if text and field.type not in ("id", "reference") else field.length,
        "calculated": False,
        "calculatedFormula": None,
        "cascadeDelete": False,
        "caseSensitive": False,
        "compoundFieldName": compound,
        "controllerName": None,
        "createable": field.createable,
        "custom": field.custom,
        "defaultValue": field.default,
        "defaultValueFormula": None,
        "defaultedOnCreate": _is_defaulted(field),
        "dependentPicklist": False,
        "deprecatedAndHidden": False,
        "digits": 8 if field.type == "int" else 0,
        "displayLocationInDecimal": False,
        "encrypted": False,
        "externalId": False,
        "extraTypeInfo": _kind(definition, field, compound),
        "filterable": field.filterable,
        "filteredLookupInfo": None,
        "formulaTreatNullNumberAsZero": False,
        "groupable": field.groupable,
        "highScaleNumber": False,
        "htmlFormatted": False,
        "idLookup": field.type in ("id", "email"),
        "inlineHelpText": None,
        "label": field.label or field.name,
        "length": field.length,
        "mask": None,
        "maskType": None,
        "name": field.name,
        "nameField": field.name == "Name" or (field.name == "Subject" and definition.name in ("Task", "Event")),
        "namePointing": len(field.reference_to) > 1,
        "nillable": field.nillable,
        "permissionable": _takes_permissions(field, compound),
        "picklistValues": choices,
        "polymorphicForeignKey": len(field.reference_to) > 1,
        "precision": field.precision,
        "queryByDistance": field.type == "address",
        "referenceTargetField": None,
        "referenceTo": list(field.reference_to),
        "relationshipName": field.relationship,
        "relationshipOrder": None,
        "restrictedDelete": False,
        "restrictedPicklist": field.restricted,
        "scale": field.scale,
        "searchPrefilterable": _is_lookup(field),
        "soapType": SOAP_TYPES.get(field.type, "xsd:string"),
        "sortable": field.sortable,
        "type": field.type,
        "unique": False,
        "updateable": field.updateable,
        "writeRequiresMasterRead": False,
    }


def _list_scopes(definition: SObject) -> list[dict[str, str]]:
    records = f"{definition.label.lower()}s"
    scopes = {"everything": f"All {records}"}
    if "OwnerId" in definition.fields:
        queue = {"queue_owned": f"Queue owned {records}"} if definition.name == "Lead" else {}
        scopes |= {"mine": f"My {records}", **queue, "team": f"My team's {records}"}
    return [{"label": label, "name": name} for name, label in scopes.items()]


def _goes_with(definition: SObject, child: ChildRelationship) -> bool:
    """Say whether the related records are deleted with the record."""
    return child.sobject in _LISTS or (child.sobject, child.field) in CHILDREN.get(definition.name, ())


def _is_defaulted(field: Field) -> bool:
    """Say whether Salesforce sets a field that a new record lacks; a name is put together, not set."""
    kept = not field.nillable and not field.createable and field.name != "Name"
    return kept or field.default is not None or field.name == "OwnerId"


def _kind(definition: SObject, field: Field, compound: str | None) -> str | None:
    """Return what sort of text a field holds."""
    if field.type == "textarea":
        return "plaintextarea"
    if field.name == "PhotoUrl":
        return "imageurl"
    if definition.name == "Account" and field.name == "Name":
        return "switchablepersonname"
    named = compound == "Name" or (field.name == "Name" and "LastName" in definition.fields)
    return "personname" if named else None


def _takes_permissions(field: Field, compound: str | None) -> bool:
    """Say whether permission sets open a field: not the parts of a name, and not what Salesforce keeps of mails."""
    if field.custom or field.type == "address":
        return True
    return field.nillable and field.createable and compound != "Name" and not field.name.startswith("EmailBounced")


def _is_lookup(field: Field) -> bool:
    """Say whether a field is a reference that an admin can narrow: to a business record, and not a merge's trace."""
    if field.type != "reference" or field.name == "MasterRecordId":
        return False
    return not any(name in _PEOPLE for name in field.reference_to)
