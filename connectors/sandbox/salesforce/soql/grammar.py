"""The text of a query to what it says.

https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select.htm
"""

import re
from datetime import date, datetime
from functools import cache
from typing import Any

from lark import Lark, Token, Transformer
from lark.exceptions import UnexpectedInput, UnexpectedToken, VisitError

from connectors.sandbox.salesforce.soql.errors import MALFORMED, SoqlError, located
from connectors.sandbox.salesforce.soql.syntax import (
    AllFields,
    Call,
    Column,
    Comparison,
    Junction,
    Literal,
    Path,
    Query,
    Sort,
    TypeOf,
)
from connectors.times import parse_time

# AND and OR may not stand beside each other without parentheses, and NOT takes what is left of them.
# https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select_conditionexpression.htm
#
# The clauses after FROM are a chain of rules because the parser is built from every combination of what one rule may
# leave out: with all eleven in one it takes seconds, and tens of seconds beside other work, in which a query waits.
_UNIT = "(DAY|WEEK|MONTH|QUARTER|YEAR|FISCAL_QUARTER|FISCAL_YEAR)"
_GRAMMAR = r"""
    start: query
    query: "SELECT"i items "FROM"i path NAME? _from_scope
    _from_scope: scope? _from_where
    _from_where: where? with_? _from_group
    _from_group: group? having? _from_order
    _from_order: order? limit? _from_offset
    _from_offset: offset? purpose* all_rows?
    items: item ("," item)*
    ?item: column | fields | type_of | "(" query ")"
    column: target NAME?
    ?target: path | call
    call: NAME "(" target? ")"
    fields: "FIELDS"i "(" SCOPE ")"
    type_of: "TYPEOF"i path branch+ otherwise? "END"i
    branch: "WHEN"i NAME "THEN"i path ("," path)*
    otherwise: "ELSE"i path ("," path)*
    scope: "USING"i "SCOPE"i NAME
    where: "WHERE"i condition
    with_: "WITH"i NAME
    group: "GROUP"i "BY"i target ("," target)*
    having: "HAVING"i condition
    ?condition: factor
              | factor ("AND"i factor)+ -> all_of
              | factor ("OR"i factor)+ -> any_of
              | NOT factor -> negation
    ?factor: "(" condition ")" | comparison
    comparison: target COMPARE value
              | target "LIKE"i value -> like
              | target "IN"i within -> inside
              | target NOT "IN"i within -> outside
              | target "INCLUDES"i values -> includes
              | target "EXCLUDES"i values -> excludes
    ?within: values | "(" query ")"
    values: "(" value ("," value)* ")"
    order: "ORDER"i "BY"i sort ("," sort)*
    sort: target (ASC | DESC)? ("NULLS"i (FIRST | LAST))?
    limit: "LIMIT"i INT
    offset: "OFFSET"i INT
    purpose: "FOR"i ("VIEW"i | "REFERENCE"i) | "UPDATE"i ("TRACKING"i | "VIEWSTAT"i)
    all_rows: "ALL"i "ROWS"i
    path: NAME ("." NAME)*
    value: STRING -> string
         | STAMP -> stamp
         | DATE -> day
         | RELATIVE -> relative
         | (NUMBER | INT) -> number
         | TRUE -> yes
         | FALSE -> no
         | NULL -> null
    NOT: "NOT"i
    ASC: "ASC"i
    DESC: "DESC"i
    FIRST: "FIRST"i
    LAST: "LAST"i
    TRUE: "TRUE"i
    FALSE: "FALSE"i
    NULL: "NULL"i
    SCOPE: /(ALL|STANDARD|CUSTOM)\b/i
    COMPARE: "!=" | "<>" | "<=" | ">=" | "=" | "<" | ">"
    STRING: /'(\\.|[^'\\])*'/s
    STAMP.3: /\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)/i
    DATE.2: /\d{4}-\d\d-\d\d(?![\dT])/
    RELATIVE.2: /(SINGLE|(LAST|THIS|NEXT)_UNIT|(LAST|NEXT)_90_DAYS|((LAST|NEXT)_N_UNITS|N_UNITS_AGO):\d+)\b/i
    NUMBER.1: /[+-]?(\d+\.\d*|\.\d+|\d+(?=[eE]))([eE][+-]?\d+)?|[+-]\d+/
    INT: /\d+(?![\w-])/
    NAME: /(?!(?:SELECT|FROM|WHERE|AND|OR|NOT|LIKE|IN|NULL|HAVING)\b)[a-z_][a-z0-9_]*/i
    %import common.WS
    %ignore WS
"""
_GRAMMAR = _GRAMMAR.replace("SINGLE", "YESTERDAY|TODAY|TOMORROW").replace("UNIT", _UNIT)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", '"': '"', "'": "'", "\\": "\\"}
_ESCAPES |= {"_": r"\_", "%": r"\%"}  # what these mean is for LIKE to say
_MAX_LENGTH = 100_000


def parse_query(text: str) -> Query:
    """Return what a query says.

    Raises:
        SoqlError: It is not SOQL.
    """
    if len(text) > _MAX_LENGTH:
        raise SoqlError(MALFORMED, f"SOQL statements cannot be longer than {_MAX_LENGTH} characters.")
    if not text.strip():
        raise SoqlError(MALFORMED, "SOQL statement is empty")
    try:
        query: Query = _Builder(text).transform(_parser().parse(text))
    except VisitError as error:
        if isinstance(error.orig_exc, SoqlError):
            raise error.orig_exc from error
        raise
    except UnexpectedInput as error:
        raise _refusal(text, error) from error
    return query


def _refusal(text: str, error: UnexpectedInput) -> SoqlError:
    if isinstance(error, UnexpectedToken):
        if error.token.type == "$END":
            return SoqlError(MALFORMED, "unexpected token: '<EOF>'")
        return located(MALFORMED, text, error.token.start_pos or 0, f"unexpected token: '{error.token}'")
    at = error.pos_in_stream or 0
    if text[at] == "'":
        return located(MALFORMED, text, at, "mismatched character '<EOF>' expecting '''")
    if text[at] == ":":
        return located(MALFORMED, text, at, "Bind variables only allowed in Apex code")
    found = re.match(r"[\w.:+-]+|.", text[at:], re.DOTALL)
    return located(MALFORMED, text, at, f"unexpected token: '{found[0] if found else text[at]}'")


class _Builder(Transformer[Token, Any]):
    """Turns the parse tree into a `Query`; each method is named after the rule whose parts it takes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def start(self, parts: list[Any]) -> Query:
        query: Query = parts[0]
        return query

    def query(self, parts: list[Any]) -> Query:
        items, sobject, *rest = parts
        clauses: dict[str, Any] = dict(part for part in rest if isinstance(part, tuple))
        alias = next((str(part) for part in rest if isinstance(part, Token)), None)
        return Query(tuple(items), str(sobject), sobject.at, alias, **clauses)

    def items(self, parts: list[Any]) -> list[Any]:
        return parts

    def column(self, parts: list[Any]) -> Column:
        return Column(parts[0], str(parts[1]) if len(parts) > 1 else None)

    def call(self, parts: list[Any]) -> Call:
        return Call(str(parts[0]).upper(), parts[1] if len(parts) > 1 else None, parts[0].start_pos)

    def fields(self, parts: list[Any]) -> AllFields:
        return AllFields(str(parts[0]).upper(), parts[0].start_pos)

    def type_of(self, parts: list[Any]) -> TypeOf:
        branches = tuple(part for part in parts[1:] if part[0] is not None)
        return TypeOf(parts[0], branches, next((paths for name, paths in parts[1:] if name is None), ()))

    def branch(self, parts: list[Any]) -> tuple[str, tuple[Path, ...]]:
        return str(parts[0]), tuple(parts[1:])

    def otherwise(self, parts: list[Any]) -> tuple[None, tuple[Path, ...]]:
        return None, tuple(parts)

    def scope(self, _: list[Any]) -> None:
        return None

    with_ = purpose = scope

    def where(self, parts: list[Any]) -> tuple[str, Any]:
        return "condition", parts[0]

    def group(self, parts: list[Any]) -> tuple[str, Any]:
        return "groups", tuple(parts)

    def having(self, parts: list[Any]) -> tuple[str, Any]:
        return "having", parts[0]

    def order(self, parts: list[Any]) -> tuple[str, Any]:
        return "sorts", tuple(parts)

    def limit(self, parts: list[Any]) -> tuple[str, Any]:
        return "limit", int(parts[0])

    def offset(self, parts: list[Any]) -> tuple[str, Any]:
        return "offset", int(parts[0])

    def all_rows(self, _: list[Any]) -> tuple[str, Any]:
        return "all_rows", True

    def sort(self, parts: list[Any]) -> Sort:
        words = {part.type for part in parts[1:]}
        return Sort(parts[0], "DESC" in words, "LAST" in words)

    def path(self, parts: list[Any]) -> Path:
        return Path(tuple(str(part) for part in parts), parts[0].start_pos)

    def all_of(self, parts: list[Any]) -> Junction:
        return Junction("AND", tuple(parts))

    def any_of(self, parts: list[Any]) -> Junction:
        return Junction("OR", tuple(parts))

    def negation(self, parts: list[Any]) -> Junction:
        return Junction("NOT", (parts[1],))

    def comparison(self, parts: list[Any]) -> Comparison:
        target, operator, value = parts
        return Comparison(target, "!=" if operator == "<>" else str(operator), value, target.at)

    def like(self, parts: list[Any]) -> Comparison:
        return Comparison(parts[0], "LIKE", parts[1], parts[0].at)

    def inside(self, parts: list[Any]) -> Comparison:
        return Comparison(parts[0], "IN", parts[1], parts[0].at)

    def outside(self, parts: list[Any]) -> Comparison:
        return Comparison(parts[0], "NOT IN", parts[2], parts[0].at)

    def includes(self, parts: list[Any]) -> Comparison:
        return Comparison(parts[0], "INCLUDES", parts[1], parts[0].at)

    def excludes(self, parts: list[Any]) -> Comparison:
        return Comparison(parts[0], "EXCLUDES", parts[1], parts[0].at)

    def values(self, parts: list[Any]) -> tuple[Any, ...]:
        return tuple(parts)

    def string(self, parts: list[Any]) -> Literal:
        return Literal("string", self._unescape(parts[0]), parts[0].start_pos)

    def stamp(self, parts: list[Any]) -> Literal:
        return Literal("datetime", self._parse_stamp(parts[0]), parts[0].start_pos)

    def day(self, parts: list[Any]) -> Literal:
        try:
            return Literal("date", date.fromisoformat(parts[0]), parts[0].start_pos)
        except ValueError as error:
            raise self._invalid_date(parts[0]) from error

    def relative(self, parts: list[Any]) -> Literal:
        return Literal("relative", str(parts[0]).upper(), parts[0].start_pos)

    def number(self, parts: list[Any]) -> Literal:
        written = str(parts[0])
        value = int(written) if written.lstrip("+-").isdigit() else float(written)
        return Literal("number", value, parts[0].start_pos)

    def yes(self, parts: list[Any]) -> Literal:
        return Literal("boolean", True, parts[0].start_pos)

    def no(self, parts: list[Any]) -> Literal:
        return Literal("boolean", False, parts[0].start_pos)

    def null(self, parts: list[Any]) -> Literal:
        return Literal("null", None, parts[0].start_pos)

    def _unescape(self, token: Token) -> str:
        def plain(match: re.Match[str]) -> str:
            letter = match[1]
            if letter in "uU" and match[2]:
                return chr(int(match[2], 16))
            if letter.lower() in _ESCAPES:
                return _ESCAPES[letter.lower()]
            at = (token.start_pos or 0) + match.start() + 1
            raise located(
                MALFORMED,
                self._text,
                at,
                f"Invalid string literal '{token[1:-1]}'. Illegal character sequence '\\{letter}' in string literal.",
            )

        return re.sub(r"\\(u(?=[0-9a-fA-F]{4})|.)((?<=[uU])[0-9a-fA-F]{4})?", plain, str(token[1:-1]), flags=re.DOTALL)

    def _parse_stamp(self, token: Token) -> datetime:
        try:
            return parse_time(str(token).upper())
        except ValueError as error:
            raise self._invalid_date(token) from error

    def _invalid_date(self, token: Token) -> SoqlError:
        return located(MALFORMED, self._text, token.start_pos or 0, f"Invalid date: {token}")


@cache
def _parser() -> Lark:
    """Return the parser, which is built when the first query comes."""
    return Lark(_GRAMMAR, start="start", parser="lalr", lexer="contextual")
