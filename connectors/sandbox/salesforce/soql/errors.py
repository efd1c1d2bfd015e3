"""What Salesforce says of a query that it refuses."""

import re

_BEFORE, _AFTER = 34, 42  # characters of the query around the fault, as recorded messages show them

INVALID_FIELD = "INVALID_FIELD"
INVALID_TYPE = "INVALID_TYPE"
MALFORMED = "MALFORMED_QUERY"


class SoqlError(Exception):
    """A query that Salesforce would refuse, with its error code. The reply's status is always 400."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def located(code: str, text: str, at: int, message: str) -> SoqlError:
    """Return the refusal of what stands at a place of the query, with the query around it and a mark below."""
    line_start = text.rfind("\n", 0, at) + 1
    line_end = text.find("\n", at)
    line = text[line_start : line_end if line_end >= 0 else len(text)]
    column = at - line_start
    start = _word_start(line, column)
    end = min(len(line), column + _AFTER)
    if end < len(line) and not line[end].isspace():
        end = max(column + 1, line.rfind(" ", column, end))
    row = text.count("\n", 0, at) + 1
    mark = " " * (column - start) + "^"
    return SoqlError(code, f"\n{line[start:end].rstrip()}\n{mark}\nERROR at Row:{row}:Column:{column + 1}\n{message}")


def unknown_column(text: str, at: int, name: str, entity: str) -> SoqlError:
    """Return the refusal of a field that is not there, or that the user may not see."""
    return located(
        INVALID_FIELD,
        text,
        at,
        f"No such column '{name}' on entity '{entity}'. If you are attempting to use a custom field, be sure to append"
        " the '__c' after the custom field name. Please reference your WSDL or the describe call for the appropriate"
        " names.",
    )


def unknown_relationship(text: str, at: int, name: str) -> SoqlError:
    """Return the refusal of a parent that the object does not have."""
    return located(
        INVALID_FIELD,
        text,
        at,
        f"Didn't understand relationship '{name}' in field path. If you are attempting to use a custom relationship, be"
        " sure to append the '__r' after the custom relationship name. Please reference your WSDL or the describe call"
        " for the appropriate names.",
    )


def unknown_children(text: str, at: int, name: str) -> SoqlError:
    """Return the refusal of a sub-query over children that the object does not have."""
    return located(
        INVALID_TYPE,
        text,
        at,
        f"Didn't understand relationship '{name}' in FROM part of query call. If you are attempting to use a custom"
        " relationship, be sure to append the '__r' after the custom relationship name. Please reference your WSDL or"
        " the describe call for the appropriate names.",
    )


def unknown_type(text: str, at: int, name: str) -> SoqlError:
    """Return the refusal of an object that is not there, or that nobody may query."""
    return located(
        INVALID_TYPE,
        text,
        at,
        f"sObject type '{name}' is not supported. If you are attempting to use a custom object, be sure to append the"
        " '__c' after the entity name. Please reference your WSDL or the describe call for the appropriate names.",
    )


def _word_start(line: str, column: int) -> int:
    if column <= _BEFORE:
        return 0
    starts = (match.end() for match in re.finditer(r"[\s,]+", line))
    return next((start for start in starts if column - _BEFORE <= start <= column), column)
