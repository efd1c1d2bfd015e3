"""Salesforce's query language over an org's records: the grammar, the rules and the answers.

https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql.htm
"""

from connectors.sandbox.salesforce.soql.errors import SoqlError
from connectors.sandbox.salesforce.soql.run import Result, run_query
from connectors.sandbox.salesforce.soql.source import Row, Source

__all__ = ["Result", "Row", "SoqlError", "Source", "run_query"]
