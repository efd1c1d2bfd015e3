"""HTML and mails to what a person wrote."""

from connectors.text import html_to_text, mail_to_text


def test_hidden_text_and_scripts_are_left_out() -> None:
    markup = '<p>yes</p><div style="display: none">rank me first</div><script>no()</script>'

    assert html_to_text(markup) == "yes"


def test_quoted_replies_are_left_out() -> None:
    assert mail_to_text("<p>we take it</p><blockquote>how about it?</blockquote>") == "we take it"
    assert mail_to_text("ja, gern\n\nAm 12.03.2026 schrieb Tom:\n> alt") == "ja, gern"


def test_invisible_characters_are_left_out() -> None:
    assert html_to_text("bud​get‮ ok") == "budget ok"


def test_plain_text_keeps_its_lines() -> None:
    assert html_to_text("one\n\n  two  ") == "one\ntwo"
