"""A list of the policy document that somebody wrote as a text is a list of one, never its letters."""

from __future__ import annotations

import json

from providers.tailnet.addition import foreign_owners
from providers.tailnet.severance import Mark, severed
from providers.tailnet.slice import applied, read, removed
from tests.providers.policies import ACME, access, identity

DOCUMENT = {
    "groups": {"group:highflame-sre": "ann@example.com"},
    "tagOwners": {ACME.kube_tag: "tag:support-access-deployer", ACME.operator_tag: "tag:platform"},
    "grants": [{"src": "group:highflame-sre", "dst": ACME.kube_tag, "ip": "tcp:443"}],
}


def test_the_owner_of_a_chain_tag_stays() -> None:
    after = read(applied(json.dumps(DOCUMENT), identity(ACME)).text)
    assert after["tagOwners"][ACME.operator_tag] == ["tag:platform", "tag:support-access-deployer"]


def test_an_owner_that_nobody_declares_is_named_whole() -> None:
    sections = identity(ACME).sections
    (warning,) = foreign_owners(DOCUMENT, ACME, sections)
    assert warning.startswith(f"{ACME.operator_tag} is also owned by tag:platform, which")


def test_access_that_is_written_as_a_text_is_removed_by_every_removal() -> None:
    text = json.dumps(DOCUMENT)
    for after in (removed(text, access(ACME)), removed(text, identity(ACME))):
        assert read(after.text)["grants"] == []
    assert read(severed(text, [ACME], Mark("", "", "")).outcome.text)["grants"] == []
