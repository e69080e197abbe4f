"""Both spellings of a login are one person, and no two persons become one."""

from __future__ import annotations

from typing import Any

import pytest

from providers.tailnet.logins import document_in_one_spelling, is_login, lowered, one_spelling


@pytest.mark.parametrize("login", ["ada@example.com", "o'brien@example.com", "Ada@Example.com", "ada@github", "ä@x.eu"])
def test_a_login_is_one(login: str) -> None:
    assert is_login(login)


@pytest.mark.parametrize(
    "text",
    ["group:sre@example.com", "user:*@example.com", "*@example.com", "tag:ci", "autogroup:member", "a b@c", "@c"],
)
def test_another_selector_is_no_login_and_keeps_its_spelling(text: str) -> None:
    assert not is_login(text)
    assert one_spelling(text.upper()) == text.upper()


def test_only_ascii_letters_are_lowered() -> None:
    """Unicode's rules would make the Kelvin sign a k, and so one person of two."""
    assert lowered("O'Brien@Example.COM") == "o'brien@example.com"
    assert lowered("mar\u212a@example.com") == "mar\u212a@example.com"
    assert lowered("\u00c4DA@example.com") == "\u00c4da@example.com"


def test_ports_stay_behind_a_login() -> None:
    assert one_spelling(["Ada@Example.com:443", "Ada@Example.com:*", "tag:X:22"]) == [
        "ada@example.com:443",
        "ada@example.com:*",
        "tag:X:22",
    ]


def test_of_a_document_only_what_names_people_is_respelled() -> None:
    app = {"example.com/cap/x": [{"who": "Ada@Example.com"}]}
    document: dict[str, Any] = {
        "Groups": {"group:Sre@Example.com": ["Ada@Example.com", None]},
        "tagOwners": {"tag:ci": ["Ada@Example.com"]},
        "grants": [{"Src": ["Ada@Example.com"], "dst": ["tag:ci"], "ip": ["*"], "app": app}, "strange"],
        "acls": [{"users": "Ada@Example.com", "ports": ["Ada@Example.com:22"]}],
        "tests": [{"src": "Ada@Example.com", "accept": ["tag:ci:443"]}],
        "hosts": {"Ada@Example.com": "10.0.0.1"},
        "derpMap": None,
    }
    assert document_in_one_spelling(document) == {
        "Groups": {"group:Sre@Example.com": ["ada@example.com", None]},
        "tagOwners": {"tag:ci": ["ada@example.com"]},
        "grants": [{"Src": ["ada@example.com"], "dst": ["tag:ci"], "ip": ["*"], "app": app}, "strange"],
        "acls": [{"users": "ada@example.com", "ports": ["ada@example.com:22"]}],
        "tests": [{"src": "ada@example.com", "accept": ["tag:ci:443"]}],
        "hosts": {"Ada@Example.com": "10.0.0.1"},
        "derpMap": None,
    }
