"""A wrong stack `tailnet` is refused in words that its author can act on, and no message repeats a secret."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from components.settings.load import load
from components.settings.problems import SettingsError
from components.settings.tailnet import TailnetSettings

ROTA: dict[str, Any] = {
    "starts": "2026-11-23",
    "turnDays": 7,
    "handover": "09:00",
    "timezone": "Europe/Berlin",
    "order": [["ada@example.com"], ["grace@example.com", "lin@example.com"]],
    "always": ["eve@example.com"],
    "overrides": [{"from": "2026-12-24", "until": "2026-12-27", "members": ["lin@example.com"]}],
}
COLLECTOR = {"destination": "elastic", "url": "https://logs.example.com", "tokenVariable": "LOGS_TOKEN", "user": "u"}
ROLE = {"destination": "s3", "bucket": "example-logs", "region": "eu-central-1", "prefix": "t/"}
KEY = {**ROLE, "url": "https://s3.example.com", "accessKeyId": "AKIA", "secretAccessKeyVariable": "LOGS_SECRET"}
GCS = {"destination": "gcs", "bucket": "example-logs", "credentialsVariable": "LOGS_GCS", "scopes": ["a"]}
FULL: dict[str, Any] = {
    "groups": {"group:highflame-sre": ["ada@example.com"]},
    "rotas": {"group:highflame-oncall": ROTA},
    "revoked": ["mallory@example.com"],
    "postures": {"posture:managed-mac": ["node:os == 'macos'", "custom:tier IN ['a', 'b']"]},
    "tests": [{"src": "group:highflame-sre", "proto": "tcp", "accept": ["tag:ci:22"], "deny": ["tag:ci:23"]}],
    "openPolicy": "close",
    "magicDns": True,
    "https": True,
    "deviceApproval": True,
    "userApproval": False,
    "keyExpiryDays": 90,
    "networkFlowLogs": True,
    "logs": {"configuration": COLLECTOR, "network": KEY},
    "webhooks": {
        "security": {"urlVariable": "CHAT_URL", "provider": "slack", "events": ["policyUpdate", "nodeCreated"]},
        "own": {"url": "https://hooks.example.com/t", "events": ["categoryTailnetManagement"]},
    },
}


def loaded(tailnet: Any, stack: str = "tailnet") -> TailnetSettings:
    settings = load(stack, {"support-access:tailnet": json.dumps(tailnet)})
    assert isinstance(settings, TailnetSettings)
    return settings


def refusal(tailnet: Any) -> SettingsError | None:
    """Why the settings do not load, None when they do; any other exception is the failure of the test."""
    error = None
    try:
        loaded(tailnet)
    except SettingsError as refused:
        error = refused
    if error is not None:
        assert error.problems
        assert all(p.key and p.what and p.why and p.mend for p in error.problems)
    return error


def paths(value: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every place in a nested value, the groups as well as the leaves."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*at, key)
        yield from paths(inner, (*at, key))


def bent(at: tuple[str | int, ...], value: Any, whole: Any = FULL) -> Any:
    result: Any = copy.deepcopy(whole)
    place = result
    for key in at[:-1]:
        place = place[key]
    place[at[-1]] = value
    return result


def test_every_setting_together_is_right() -> None:
    settings = loaded(FULL)
    assert settings.tests[0].entry() == FULL["tests"][0]
    assert settings.rotas["group:highflame-oncall"].order[1] == ("grace@example.com", "lin@example.com")
    for destination in (COLLECTOR, ROLE, KEY, GCS):
        assert refusal(bent(("logs", "configuration"), destination)) is None


def test_a_day_without_quotes_is_the_day_that_it_says() -> None:
    """The engine hands it over as a moment (tests/engine/test_tailnet_stack.py sees it do so)."""
    quoted = loaded(FULL).rotas
    assert loaded(bent(("rotas", "group:highflame-oncall", "starts"), "2026-11-23 00:00:00 +0000 UTC")).rotas == quoted


R = ("rotas", "group:highflame-oncall")
C = ("logs", "configuration")
W = ("webhooks", "security")


@pytest.mark.parametrize(
    ("at", "value", "key", "what"),
    [
        ((*R, "starts"), "23.11.2026", f"{R[0]}", "not a day"),
        ((*R, "starts"), "2026-02-30", f"{R[0]}", "not a day"),
        ((*R, "starts"), "9999-12-31", f"{R[0]}", "between"),
        ((*R, "starts"), "2026-11-23 08:00:00 +0000 UTC", f"{R[0]}", "not a day"),
        ((*R, "handover"), "9 o'clock", "handover", "time of day"),
        ((*R, "handover"), 540, "handover", "time of day"),
        ((*R, "timezone"), "Berlin", "timezone", "time zone"),
        ((*R, "timezone"), "../../etc/passwd", "timezone", "time zone"),
        ((*R, "timezone"), "", "timezone", "time zone"),
        ((*R, "turnDays"), 0, "turnDays", "greater than or equal to 1"),
        ((*R, "order"), [], "order", "empty"),
        ((*R, "order"), [["ada@example.com"], []], "order[1]", "empty"),
        ((*R, "order", 0, 0), "ada", "order[0][0]", "address"),
        ((*R, "overrides", 0, "until"), "2026-12-24", "overrides[0]", "ends on"),
        ((*R, "overrides", 0, "members"), [], "overrides[0].members", "empty"),
        ((*R, "overrides"), ROTA["overrides"] * 2, "overrides", "before the one"),
        (("rotas", "group:highflame-sre"), ROTA, '"group:highflame-sre"', "in groups too"),
        (("rotas", "group:killed-acme-prod"), ROTA, "rotas", "kill's mark"),
        (("postures", "posture:acme-prod-mac"), ["node:os == 'macos'"], "postures", "one or two words"),
        (("postures", "posture:managed-mac"), [], "postures", "empty"),
        (("postures", "posture:managed-mac"), ["macos"], "postures", "neither a condition"),
        (("postures", "posture:managed-mac"), ["posture:other"], "postures", "do not nest"),
        (("tests", 0), {"src": "tag:ci"}, "tests[0]", "neither accept nor deny"),
        (("tests", 0, "src"), "autogroup:member", "tests[0].src", "one user, group, tag or host"),
        (("tests", 0, "src"), "tag:kube-acme-prod", "tests[0].src", "acme-prod"),
        (("tests", 0, "deny"), ["tag:ci:*"], "tests[0].deny[0]", "one port"),
        (("tests", 0, "deny"), ["tag:ci:70000"], "tests[0].deny[0]", "one port"),
        (("tests", 0, "deny"), ["ada@example.com:22"], "tests[0].deny[0]", "a person"),
        *(
            (("tests", 0, "deny"), [f"tag:{tag}:443"], "tests[0].deny[0]", f"names tag:{tag}")
            for tag in ("kube-acme-prod", "api-acme-prod", "rec-acme-prod", "svc-acme-prod-db", "k8s-acme", "cust-acme")
        ),
        *((("openPolicy",), value, "openPolicy", "known: 'close'") for value in ("open", "Close", True, [])),
        (("keyExpiryDays",), 181, "keyExpiryDays", "180"),
        (("networkFlowLogs",), False, "networkFlowLogs", "not true"),
        ((*C, "destination"), "paper", "destination", "not known"),
        ((*C, "url"), "http://logs.example.com", "url", "https"),
        ((*C, "url"), "https://u:p@logs.example.com", "url", "password"),
        ((*C, "tokenVariable"), "s3cr3t", "tokenVariable", "environment variable"),
        ((*C, "destination"), "splunk", "configuration", "only elastic"),
        (("logs", "network", "roleArn"), "arn:aws:iam::123456789012:role/x", "network", "one of them is not used"),
        (("logs", "network"), {**ROLE, "accessKeyId": "AKIA"}, "network", "only one"),
        (("logs", "network"), {**ROLE, "roleArn": "arn:aws:s3:::x"}, "roleArn", "ARN"),
        ((*W, "url"), "https://hooks.example.com", "security", "exactly one"),
        ((*W, "events"), [], "events", "empty"),
        ((*W, "events"), ["policyUpdated"], "events", "not known"),
        (W, {"url": "https://c.example.com", "provider": "slack", "events": ["policyUpdate"]}, "security", "chat"),
        (("webhooks", "Security"), FULL["webhooks"]["own"], "webhooks", "lower-case"),
    ],
    ids=lambda value: ".".join(map(str, value))[:40] if isinstance(value, tuple) else "",
)
def test_a_wrong_value_is_told_with_its_key(at: tuple[str | int, ...], value: Any, key: str, what: str) -> None:
    error = refusal(bent(at, value))
    assert error is not None
    assert any(key in problem.key and what in problem.what for problem in error.problems), str(error)


def test_everything_wrong_is_told_at_once(snapshot: SnapshotAssertion) -> None:
    wrong = {
        "groups": {"group:highflame-sre": ["ada@example.com"], "group:highflame-oncall": ["eve@example.com"]},
        "rotas": {
            "group:highflame-oncall": {
                "starts": "soon",
                "order": [["ada@example.com"], []],
                "timezone": "Berlin",
                "overrides": [{"from": "2026-12-27", "until": "2026-12-24", "members": ["ada"]}],
                "turn": 7,
            }
        },
        "postures": {"posture:managed-mac": ["node:os = 'macos'"]},
        "tests": [{"src": "*", "deny": ["tag:kube-acme-prod:443"]}],
        "magicDns": False,
        "logs": {"network": {"destination": "splunk", "url": "logs.example.com", "token": "hush"}},
        "webhooks": {"security": {"url": "https://hooks.example.com", "provider": "slack", "events": ["policyupdate"]}},
    }
    assert str(refusal(wrong)) == snapshot


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(list(paths(FULL))), JSON)
def test_one_junk_value_among_right_ones_is_refused_or_right(at: tuple[str | int, ...], value: Any) -> None:
    refusal(bent(at, value))


@given(at=st.sampled_from(list(paths(FULL))), name=st.text(min_size=1))
def test_no_unknown_key_is_let_through_at_any_depth(at: tuple[str | int, ...], name: str) -> None:
    group: Any = FULL
    for part in at[:-1]:
        group = group[part]
    named_by_people = at[0] in ("groups", "rotas", "postures", "webhooks") and len(at) == 2
    if not isinstance(group, dict) or name in group or named_by_people:
        return
    optional = {"uploadMinutes", "compression", "roleArn", "accessKeyId", "srcPostureAttrs", "url", "urlVariable"}
    if name not in optional:
        assert refusal(bent((*at[:-1], name), "x")) is not None


SECRET_PLACES = [
    *(("logs",), C, (*C, "url"), (*C, "tokenVariable"), (*C, "token")),
    *((("logs", "network", name)) for name in ("url", "secretAccessKeyVariable", "secretAccessKey")),
    *(("webhooks",), W, (*W, "urlVariable"), (*W, "secret"), ("webhooks", "own", "url")),
]


@pytest.mark.parametrize("wrap", [str, lambda text: [text], lambda text: {"x": text}], ids=["text", "list", "group"])
@pytest.mark.parametrize("at", SECRET_PLACES, ids=".".join)
def test_a_secret_that_stands_where_its_variable_belongs_is_never_repeated(at: tuple[str, ...], wrap: Any) -> None:
    error = refusal({**bent(at, wrap("hush-HUSH-hush")), "revoked": ["nobody"]})  # wrong elsewhere, so that it is told
    assert error is not None
    assert "hush" not in str(error).lower()
