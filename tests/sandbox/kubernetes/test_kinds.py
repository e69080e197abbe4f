"""What is known of kinds without a server."""

from __future__ import annotations

import base64

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pulumi.runtime.rpc import UNKNOWN

from sandbox.plugins.kubernetes.kinds import Kind, force_new, normalize, of_object, of_type

UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy


@pytest.mark.parametrize(
    ("token", "kind", "namespaced"),
    [
        ("kubernetes:core/v1:Namespace", Kind("", "v1", "Namespace"), False),
        ("kubernetes:core/v1:SecretPatch", Kind("", "v1", "Secret"), True),
        ("kubernetes:apps/v1:Deployment", Kind("apps", "v1", "Deployment"), True),
        ("kubernetes:tailscale.com/v1alpha1:Connector", Kind("tailscale.com", "v1alpha1", "Connector"), None),
        ("kubernetes:example.com/v1:Namespace", Kind("example.com", "v1", "Namespace"), None),
    ],
)
def test_a_type_names_a_kind_and_built_in_kinds_have_a_known_scope(
    token: str, kind: Kind, namespaced: bool | None
) -> None:
    assert of_type(token) == kind
    assert kind.namespaced is namespaced
    assert of_object({"apiVersion": kind.api_version, "kind": kind.kind}) == kind


@UNTIMED
@given(st.dictionaries(st.from_regex(r"[a-z]{1,5}", fullmatch=True), st.text(max_size=20)))
def test_clear_text_in_a_secret_becomes_the_data_that_a_server_gives_back(clear: dict[str, str]) -> None:
    found = normalize({"apiVersion": "v1", "kind": "Secret", "metadata": {}, "stringData": clear})
    assert {key: base64.b64decode(value).decode() for key, value in (found.get("data") or {}).items()} == clear


def test_line_breaks_in_data_do_not_count() -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "data": {"a": "YWJj\nZGVm\n"}}
    assert normalize(secret)["data"] == {"a": "YWJjZGVm"}


def test_nothing_is_rewritten_while_values_are_unknown() -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "stringData": {"a": UNKNOWN}}
    assert normalize(secret) == secret


def test_what_only_a_server_writes_is_no_input() -> None:
    live = {"name": "n", "uid": "u", "resourceVersion": "1", "managedFields": [], "creationTimestamp": "t"}
    assert normalize({"apiVersion": "v1", "kind": "ConfigMap", "metadata": live})["metadata"] == {"name": "n"}


def test_immutable_means_new_objects_even_where_objects_are_mutable() -> None:
    for kind in ("Secret", "ConfigMap"):
        obj = {"apiVersion": "v1", "kind": kind}
        assert ".data" in force_new(obj)
        assert ".data" not in force_new(obj, secret_mutable=True, config_map_mutable=True)
        assert ".data" in force_new({**obj, "immutable": True}, secret_mutable=True, config_map_mutable=True)
