"""The calls that read and change what a type's records can hold."""

from dataclasses import replace
from typing import Any

from connectors.sandbox.hubspot.calls import Call, Refusal, Reply, checked_list, checked_object, checked_text
from connectors.sandbox.hubspot.definitions import Property, parse_definition, render_options
from connectors.sandbox.hubspot.objects import HubSpotObjects
from connectors.sandbox.hubspot.rendering import batch_body

_CHANGEABLE = {"label", "type", "fieldType", "groupName", "description", "options", "formField", "displayOrder"}
_KEYS = (
    _CHANGEABLE
    | {"name", "hasUniqueValue", "hidden", "dataSensitivity", "externalOptions"}
    | {
        "referencedObjectType",
        "calculationFormula",
        "currencyPropertyName",
        "numberDisplayHint",
        "showCurrencySymbol",
    }
)


class PropertyCalls:
    """Properties and their groups. An archived property keeps its name taken."""

    def __init__(self, objects: HubSpotObjects) -> None:
        self._objects = objects
        self._archived: dict[str, dict[str, Property]] = {type_: {} for type_ in objects.properties}

    def list(self, call: Call) -> Reply:
        table = self._archived if call.flag("archived") else self._objects.properties
        return Reply({"results": [item.render() for item in table[call.type.plural].values()]})

    def get(self, call: Call) -> Reply:
        return Reply(self._find(call).render())

    def create(self, call: Call) -> Reply:
        wanted = call.read(_KEYS)
        name = checked_text(wanted.get("name", ""))
        if self._exists(call, name):
            raise Refusal(409, _taken(name), "OBJECT_ALREADY_EXISTS", subCategory=_SUBCATEGORY)
        return Reply(self._define(call, wanted).render(), 201)

    def batch_create(self, call: Call) -> Reply:
        started_at = self._objects.clock()
        made, errors = [], []
        for wanted in call.read_inputs(_KEYS).items:
            name = checked_text(wanted.get("name", ""))
            if self._exists(call, name):
                errors.append(
                    {
                        "status": "error",
                        "category": "OBJECT_ALREADY_EXISTS",
                        "subCategory": _SUBCATEGORY,
                        "message": _taken(name),
                        "context": {"name": [name]},
                    }
                )
            else:
                body = self._define(call, wanted).render()
                made.append({key: value for key, value in body.items() if key not in _NOT_IN_A_BATCH})
        return Reply(batch_body(self._objects, started_at, made, errors), 207 if errors else 201)

    def update(self, call: Call) -> Reply:
        old = self._find(call)
        wanted = call.read(_KEYS)
        if old.hubspot_defined and wanted.keys() - {"options"}:
            raise Refusal(400, f"Property '{old.name}' is defined by HubSpot and cannot be changed", "VALIDATION_ERROR")
        if old.hubspot_defined:
            options = render_options(_read_options(wanted.get("options")))
            new = replace(old, options=tuple(options), changed_at=self._objects.clock())
        else:
            new = self._parse(call, {**_as_request(old), **wanted, "name": old.name})
        self._objects.properties[call.type.plural][old.name] = new
        return Reply(new.render())

    def archive(self, call: Call) -> Reply:
        old = self._find(call)
        if old.hubspot_defined:
            raise Refusal(
                400, f"Property '{old.name}' is defined by HubSpot and cannot be archived", "VALIDATION_ERROR"
            )
        self._archived[call.type.plural][old.name] = self._objects.properties[call.type.plural].pop(old.name)
        return Reply(None, 204)

    def list_groups(self, call: Call) -> Reply:
        return Reply({"results": [_group(*item) for item in self._objects.groups[call.type.plural].items()]})

    def get_group(self, call: Call) -> Reply:
        name = call.params["name"]
        label = self._objects.groups[call.type.plural].get(name)
        if label is None:
            raise Refusal(404, f"Property group '{name}' does not exist", "OBJECT_NOT_FOUND")
        return Reply(_group(name, label))

    def create_group(self, call: Call) -> Reply:
        body = call.read({"name", "label", "displayOrder"})
        name, label = (checked_text(body.get(key, "")) for key in ("name", "label"))
        groups = self._objects.groups[call.type.plural]
        if not name or not label:
            raise Refusal(400, "A property group needs a name and a label", "VALIDATION_ERROR")
        if name in groups:
            raise Refusal(409, f"Property group named '{name}' already exists.", "OBJECT_ALREADY_EXISTS")
        groups[name] = label
        return Reply(_group(name, label), 201)

    def _find(self, call: Call) -> Property:
        name = call.params["name"]
        found = self._objects.properties[call.type.plural].get(name)
        if found is None:
            raise Refusal(404, f"Property '{name}' does not exist", "OBJECT_NOT_FOUND")
        return found

    def _exists(self, call: Call, name: str) -> bool:
        return name in self._objects.properties[call.type.plural] or name in self._archived[call.type.plural]

    def _define(self, call: Call, wanted: dict[str, Any]) -> Property:
        definition = self._parse(call, wanted)
        self._objects.properties[call.type.plural][definition.name] = definition
        return definition

    def _parse(self, call: Call, wanted: dict[str, Any]) -> Property:
        options = _read_options(wanted.get("options"))
        try:
            return parse_definition(
                {**wanted, "options": options}, self._objects.groups[call.type.plural], self._objects.clock()
            )
        except ValueError as error:
            raise Refusal(400, str(error), "VALIDATION_ERROR") from error


# Recorded: a batch of new properties comes back without what every other reply tells of their making.
_NOT_IN_A_BATCH = {"createdAt", "updatedAt", "createdUserId", "updatedUserId", "archived"}
_SUBCATEGORY = "Properties.PROPERTY_WITH_NAME_EXISTS"


def _read_options(value: Any) -> list[dict[str, Any]]:
    options = [
        checked_object(item, {"label", "value", "description", "displayOrder", "hidden", "archived"})
        for item in checked_list(value if value is not None else [])
    ]
    if any("label" not in option or "value" not in option for option in options):
        raise Refusal(400, "Every option needs a label and a value", "VALIDATION_ERROR")
    return options


def _as_request(definition: Property) -> dict[str, Any]:
    return {key: value for key, value in definition.render().items() if key in _KEYS}


def _taken(name: str) -> str:
    return f"A property named '{name}' already exists."


def _group(name: str, label: str) -> dict[str, Any]:
    return {"name": name, "label": label, "displayOrder": 9, "archived": False}
