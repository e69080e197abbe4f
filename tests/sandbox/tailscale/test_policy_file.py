"""The policy over HTTP: bytes are kept, saves are conditional, validation changes nothing."""

from __future__ import annotations

import base64

import pytest

from sandbox.tailscale import console
from sandbox.tailscale.state import DEFAULT_POLICY, State

from .conftest import POLICY, Api

HUJSON = {"Accept": "application/hujson", "Content-Type": "application/hujson"}
JSON = {"Accept": "application/json"}
EDITED = POLICY.replace("// who may do what", "/* edited */ // and how  ")


def etag(api: Api) -> str:
    return api.get("/{t}/acl", headers=HUJSON).headers["etag"]


def test_the_document_is_kept_byte_for_byte(api: Api) -> None:
    saved = api.post("/{t}/acl", content=EDITED.encode(), headers=HUJSON)
    assert saved.status_code == 200
    got = api.get("/{t}/acl", headers=HUJSON)
    assert got.text == saved.text == EDITED
    assert got.headers["content-type"] == "application/hujson"


def test_json_is_given_to_who_asks_for_it_with_the_same_etag(api: Api) -> None:
    got = api.get("/{t}/acl", headers=JSON)
    assert got.json()["groups"] == {"group:sre": ["alice@example.com", "bob@example.com"]}
    assert got.headers["etag"] == etag(api)
    assert len(got.headers["etag"]) == 66


def test_details_carry_the_document_in_base64(api: Api) -> None:
    got = api.get("/{t}/acl?details=1").json()
    assert base64.b64decode(got["acl"]).decode() == POLICY
    assert got["errors"] is None


def test_the_etag_changes_with_the_text_and_with_nothing_else(api: Api) -> None:
    first = etag(api)
    api.post("/{t}/acl", content=EDITED, headers=HUJSON)
    second = etag(api)
    api.post("/{t}/acl", content=POLICY, headers=HUJSON)
    assert first == etag(api) != second


@pytest.mark.parametrize("stale", ['"' + "0" * 64 + '"', '"ts-default"', "ts-default", "*"])
def test_a_save_that_was_overtaken_is_refused_and_changes_nothing(api: Api, stale: str) -> None:
    answer = api.post("/{t}/acl", content=EDITED, headers=HUJSON | {"If-Match": stale})
    assert (answer.status_code, answer.json()) == (412, {"message": "precondition failed, invalid old hash"})
    assert api.get("/{t}/acl", headers=HUJSON).text == POLICY


def test_an_unquoted_etag_does_not_match(api: Api) -> None:
    answer = api.post("/{t}/acl", content=EDITED, headers=HUJSON | {"If-Match": etag(api).strip('"')})
    assert answer.status_code == 412


def test_of_two_writers_with_one_etag_the_second_is_refused(api: Api) -> None:
    headers = HUJSON | {"If-Match": etag(api)}
    assert api.post("/{t}/acl", content=EDITED, headers=headers).status_code == 200
    assert api.post("/{t}/acl", content=POLICY, headers=headers).status_code == 412


def test_ts_default_matches_only_while_the_document_was_never_edited() -> None:
    state = State()
    api = Api(state, console.new_admin_key(state))
    headers = HUJSON | {"If-Match": '"ts-default"'}
    assert api.post("/{t}/acl", content=POLICY, headers=headers).status_code == 200
    assert api.post("/{t}/acl", content=POLICY, headers=headers).status_code == 412


def test_an_empty_body_brings_the_default_policy_back(api: Api) -> None:
    assert api.post("/{t}/acl", content=b"").status_code == 200
    assert api.get("/{t}/acl", headers=HUJSON).text == DEFAULT_POLICY


def test_a_refused_save_says_why_and_changes_nothing(api: Api) -> None:
    broken = POLICY.replace('"dst": ["tag:kube-acme-prod"]', '"dst": ["tag:gone"]')
    answer = api.post("/{t}/acl", content=broken, headers=HUJSON)
    assert (answer.status_code, answer.json()) == (400, {"message": 'dst=tag not found: "tag:gone"'})
    assert api.get("/{t}/acl", headers=HUJSON).text == POLICY


def test_a_save_whose_tests_fail_carries_them_as_data(api: Api) -> None:
    test = '"tests": [{"src": "alice@example.com", "deny": ["tag:kube-acme-prod:443"]}],\n}'
    answer = api.post("/{t}/acl", content=POLICY.rstrip()[:-1] + test, headers=HUJSON)
    error = '[acl test error]: address "tag:kube-acme-prod:443": want: Drop, got: Accept'
    assert answer.status_code == 400
    assert answer.json() == {
        "message": "test(s) failed",
        "data": [{"user": "alice@example.com", "errors": [error]}],
    }


@pytest.mark.parametrize("content", [b"{'groups': {}}", b'{"groups": {}', b"[]", b"\xff\xfe", b'"text"'])
def test_what_is_no_document_is_refused(api: Api, content: bytes) -> None:
    assert api.post("/{t}/acl", content=content, headers=HUJSON).status_code == 400


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (POLICY, None),
        ("{broken", "hujson: line 1, column 2"),
        (POLICY.replace('tag:kube-acme-prod"], "ip', 'tag:gone"], "ip'), 'dst=tag not found: "tag:gone"'),
        ('[{"src": "alice@example.com", "accept": ["tag:kube-acme-prod:443"]}]', None),
        ('[{"src": "alice@example.com", "accept": ["tag:kube-acme-prod:22"]}]', "test(s) failed"),
        ("[1", "hujson: line 1"),
        ("[1]", "tests: expected an object"),
    ],
)
def test_validation_answers_200_with_a_message_when_it_fails(api: Api, content: str, message: str | None) -> None:
    answer = api.post("/{t}/acl/validate", content=content, headers=HUJSON)
    assert answer.status_code == 200
    if message is None:
        assert answer.json() == {}
    else:
        assert answer.json()["message"].startswith(message)
    assert api.get("/{t}/acl", headers=HUJSON).text == POLICY
