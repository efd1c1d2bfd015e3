"""What the API says of its objects and their fields.

Every member of the recorded describes is there; those that nothing here depends on hold what they hold of most fields.
"""

from typing import Any

from connectors.sandbox.salesforce.schema import Field, SObject

_SOAP_TYPES = {
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
_MASTER_RECORD_TYPE = "012000000000000AAA"


def render_summary(definition: SObject, data: str) -> dict[str, Any]:
    """Return an object as the list of all objects shows it."""
    path = f"{data}/sobjects/{definition.name}"
    return {
        **dict.fromkeys(_NO, False),
        "createable": definition.createable,
        "custom": definition.name.endswith("__c"),
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


def render_object(definition: SObject, data: str) -> dict[str, Any]:
    """Return an object with its fields and the relationships that lead to it."""
    layout = f"{data}/sobjects/{definition.name}/describe/layouts/{_MASTER_RECORD_TYPE}"
    return {
        **render_summary(definition, data),
        "actionOverrides": [],
        "compactLayoutable": definition.prefix is not None,
        "childRelationships": [
            {
                "cascadeDelete": False,
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
        "supportedScopes": [{"label": f"All {definition.label.lower()}s", "name": "everything"}],
    }


def render_field(definition: SObject, field: Field) -> dict[str, Any]:
    """Return a field with every member that the recorded describes have."""
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
        "compoundFieldName": None,
        "controllerName": None,
        "createable": field.createable,
        "custom": field.custom,
        "defaultValue": field.default,
        "defaultValueFormula": None,
        "defaultedOnCreate": field.default is not None or not field.createable,
        "dependentPicklist": False,
        "deprecatedAndHidden": False,
        "digits": 8 if field.type == "int" else 0,
        "displayLocationInDecimal": False,
        "encrypted": False,
        "externalId": False,
        "extraTypeInfo": "plaintextarea" if long_text else None,
        "filterable": field.filterable,
        "filteredLookupInfo": None,
        "formulaTreatNullNumberAsZero": False,
        "groupable": not long_text and field.type not in ("base64", "double", "currency", "percent", "address"),
        "highScaleNumber": False,
        "htmlFormatted": False,
        "idLookup": field.type == "id",
        "inlineHelpText": None,
        "label": field.label or field.name,
        "length": field.length,
        "mask": None,
        "maskType": None,
        "name": field.name,
        "nameField": field.name == "Name" or (field.name == "Subject" and definition.name in ("Task", "Event")),
        "namePointing": len(field.reference_to) > 1,
        "nillable": field.nillable,
        "permissionable": field.custom or (field.nillable and field.createable),
        "picklistValues": choices,
        "polymorphicForeignKey": len(field.reference_to) > 1,
        "precision": field.precision,
        "queryByDistance": False,
        "referenceTargetField": None,
        "referenceTo": list(field.reference_to),
        "relationshipName": field.relationship,
        "relationshipOrder": None,
        "restrictedDelete": False,
        "restrictedPicklist": field.restricted,
        "scale": field.scale,
        "searchPrefilterable": False,
        "soapType": _SOAP_TYPES.get(field.type, "xsd:string"),
        "sortable": field.sortable,
        "type": field.type,
        "unique": False,
        "updateable": field.updateable,
        "writeRequiresMasterRead": False,
    }
