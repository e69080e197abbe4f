"""The operator's process reads its environment as the real binary does, and refuses what that refuses."""

from __future__ import annotations

import pytest

from sandbox.operator.container import Fatal
from sandbox.operator.process import settings

ENV = {
    "OPERATOR_NAMESPACE": "tailscale",
    "OPERATOR_HOSTNAME": "acme-prod-kube",
    "OPERATOR_INITIAL_TAGS": "tag:k8s-operator-acme,tag:kube-acme-prod",
    "OPERATOR_SECRET": "operator",
    "CLIENT_ID_FILE": "/oauth/client_id",
    "CLIENT_SECRET_FILE": "/oauth/client_secret",
}


@pytest.mark.parametrize(
    ("modes", "expected"),
    [
        ({}, "off"),
        ({"APISERVER_PROXY": ""}, "off"),
        ({"APISERVER_PROXY": "false"}, "off"),
        ({"APISERVER_PROXY": "true"}, "auth"),
        ({"APISERVER_PROXY": "noauth"}, "noauth"),
        ({"AUTH_PROXY": "true"}, "auth"),
        ({"APISERVER_PROXY": "", "AUTH_PROXY": "true"}, "auth"),
        ({"AUTH_PROXY": "false"}, "off"),
    ],
)
def test_the_proxy_mode_comes_from_either_variable(modes: dict[str, str], expected: str) -> None:
    assert settings(ENV | modes).proxy_mode == expected


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"APISERVER_PROXY": "false", "AUTH_PROXY": "true"}, "mutually exclusive"),
        ({"APISERVER_PROXY": "yes"}, 'unknown APISERVER_PROXY value "yes"'),
        ({"CLIENT_ID_FILE": ""}, "must be set"),
        ({"CLIENT_SECRET_FILE": ""}, "must be set"),
    ],
)
def test_refuses_to_start(change: dict[str, str], message: str) -> None:
    with pytest.raises(Fatal, match=message):
        settings(ENV | change)


def test_a_federated_identity_needs_no_files() -> None:
    bare = {key: value for key, value in ENV.items() if not key.startswith("CLIENT_")}
    assert settings(bare | {"CLIENT_ID": "kMade1CNTRL"}).client_id == "kMade1CNTRL"
    with pytest.raises(Fatal, match="must be set"):
        settings(bare)


def test_tags_are_split_and_have_the_binarys_defaults() -> None:
    assert settings(ENV).tags == ["tag:k8s-operator-acme", "tag:kube-acme-prod"]
    bare = settings(ENV | {"OPERATOR_INITIAL_TAGS": "", "OPERATOR_HOSTNAME": ""})
    assert (bare.tags, bare.proxy_tags, bare.hostname) == (["tag:k8s-operator"], ["tag:k8s"], "tailscale-operator")
