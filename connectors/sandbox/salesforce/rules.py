"""An admin's rules, which refuse records."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from connectors.sandbox.salesforce.org import SalesforceOrg


@dataclass(frozen=True, slots=True)
class ValidationRule:
    """A record is refused while its fields have these values."""

    sobject: str
    when: Mapping[str, Any]
    message: str
    fields: tuple[str, ...] = ()


# The rule of the fault `validation`.
_GERMAN_LEADS = ValidationRule("Lead", {"Country": "Germany"}, "A lead in Germany needs a data protection note")


def list_rules(org: "SalesforceOrg", sobject: str) -> list[ValidationRule]:
    """Return the validation rules that are active on an object."""
    rules = [*org.validation_rules, *([_GERMAN_LEADS] if org.faults.validation else [])]
    return [rule for rule in rules if rule.sobject == sobject]
