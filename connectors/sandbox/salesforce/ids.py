"""Salesforce's record ids: 15 characters in which case matters, and 3 that say which of them are capitals.

https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/field_types.htm
"""

import string

_SUFFIXES = string.ascii_uppercase + "012345"
_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_ALPHABET = frozenset(_DIGITS)
_INSTANCE = "Ws"  # the characters after the prefix name the instance that made the record

ORG_ID = "00DWs0000000001MAA"
PREFIXES_WITHOUT_DESCRIBE = {"LeadHistory": "017", "OpportunityFieldHistory": "017"}


def long_id(short: str) -> str:
    """Return a 15-character id with its suffix."""
    suffix = ""
    for start in (0, 5, 10):
        bits = 0
        for place, letter in enumerate(short[start : start + 5]):
            if "A" <= letter <= "Z":
                bits |= 1 << place
        suffix += _SUFFIXES[bits]
    return short + suffix


def find_id(text: object) -> str | None:
    """Return the 18-character form of an id, or None for what cannot be one.

    The long form does not depend on case: its suffix restores the capitals.
    """
    if not isinstance(text, str) or len(text) not in (15, 18) or not _ALPHABET.issuperset(text):
        return None
    if len(text) == 15:
        return long_id(text)
    if long_id(text[:15]) == text:
        return text
    letters = []
    for number, letter in enumerate(text[:15].lower()):
        bits = _SUFFIXES.find(text[15 + number // 5].upper())
        letters.append(letter.upper() if bits >> (number % 5) & 1 else letter)
    return long_id("".join(letters))


def make_id(prefix: str, number: int) -> str:
    """Return the id of the record with that number; a greater number makes a greater id."""
    digits = ""
    for _ in range(10):
        number, digit = divmod(number, 62)
        digits = _DIGITS[digit] + digits
    return long_id(prefix + _INSTANCE + digits)
