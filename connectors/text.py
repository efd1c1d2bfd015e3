"""HTML and mail bodies to the plain text that a person meant to write.

Quoted replies, signatures, hidden elements and scripts are left out: they repeat what the record already holds,
or hide text from the rep who has to trust the order.
"""

import re

from bs4 import BeautifulSoup
from mailparser_reply import EmailReplyParser

_BLOCKS = ("p", "div", "li", "tr", "h1", "h2", "h3", "h4", "table", "ul", "ol")
_QUOTES = "blockquote, .gmail_quote, .gmail_signature, #appendonsend, #divRplyFwdMsg, .moz-cite-prefix"
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?:px|pt|em)?\s*(?:;|$)", re.I)
# Zero-width characters and bidirectional overrides: invisible to the rep, visible to a model.
_INVISIBLE = dict.fromkeys([*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2065), 0xFEFF])
_REPLIES = EmailReplyParser(languages=["en", "de", "fr", "es", "it", "nl"])
# A mail longer than this is cut before it is parsed: the parser's patterns are not linear in the length.
_MAX_MAIL_CHARACTERS = 20_000


def html_to_text(html: str) -> str:
    """Return the visible text of an HTML fragment, one line a block; plain text passes through."""
    if "<" not in html and "&" not in html:
        return _tidy(html)
    soup = BeautifulSoup(html, "html.parser")
    for element in soup(["script", "style", "head", "title"]):
        element.decompose()
    for element in soup.select(_QUOTES):
        element.decompose()
    for element in soup.find_all(style=_HIDDEN):
        element.decompose()
    for element in soup.find_all("br"):
        element.replace_with("\n")
    for element in soup.find_all(_BLOCKS):
        element.append("\n")
    return _tidy(soup.get_text())


def mail_to_text(body: str) -> str:
    """Return what the sender of a mail wrote: without quoted replies, headers of forwards and signatures."""
    text = html_to_text(body)[:_MAX_MAIL_CHARACTERS]
    return _tidy(_REPLIES.parse_reply(text) or "")


def _tidy(text: str) -> str:
    lines = (" ".join(line.split()) for line in text.translate(_INVISIBLE).splitlines())
    return "\n".join(line for line in lines if line)
