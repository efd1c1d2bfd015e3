"""The unit in which Salesforce counts what is deployed."""

from dataclasses import dataclass

from connectors.salesforce.package.markup import Nodes


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of metadata: its kind, its name, the object that owns it (if any), and its definition."""

    kind: str
    name: str
    body: Nodes
    owner: str | None = None

    @property
    def full_name(self) -> str:
        """Return the name by which a manifest lists it."""
        return f"{self.owner}.{self.name}" if self.owner else self.name
