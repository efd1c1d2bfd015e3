"""Write the committed project anew, after a change of the table: `python -m connectors.salesforce.package`."""

from connectors.salesforce.package.component import APP
from connectors.salesforce.package.source_tree import write_source_tree

if __name__ == "__main__":
    write_source_tree(APP)
