"""A federated operator: one identity in place of client, proof and Secret, and the same order of the kill."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from components.cluster.first_federation import refusal
from components.features import federated_audience, scopes
from components.manifests.chart_values import chart_values
from components.outputs import pending, wanted_id
from components.settings.environment import EnvironmentSettings
from components.support_access import SupportAccess, SupportAccessArgs
from tests.components.registered import Registered, registered

Build = Callable[..., EnvironmentSettings]
ISSUER = "https://oidc.acme.example/id/1"
MADE = "acme-prod-federated-id"
"""What the mocked Tailscale calls the identity."""


def federated(client_id: str | None = MADE, **more: Any) -> dict[str, Any]:
    return {"federation": {"issuer": ISSUER, **({"clientId": client_id} if client_id else {}), **more}}


def register(settings: EnvironmentSettings) -> Registered:
    return registered(SupportAccess, settings.names.name, SupportAccessArgs(settings=settings))


def edges(seen: Registered, name: str) -> set[str]:
    found = seen.names(seen.rows[f"acme-prod-{name}"].depends_on)
    rows = {other for other in found if seen.rows[other].custom and "pulumi:providers" not in seen.rows[other].type}
    return {other.removeprefix("acme-prod-") for other in rows}


def types(seen: Registered) -> set[str]:
    return {row.type for row in seen.rows.values()}


def test_the_identity_is_the_operators_own_and_nobody_elses(environment: Build) -> None:
    identity = register(environment(credential=federated())).rows["acme-prod-federated"].inputs
    assert identity == {
        "issuer": ISSUER,
        "subject": "system:serviceaccount:tailscale:operator",
        "audience": "support-access/acme-prod",
        "scopes": ["auth_keys"],
        "tags": ["tag:k8s-operator-acme", "tag:kube-acme-prod"],
        "description": "acme-prod",
    }


def test_there_is_no_client_no_proof_and_no_secret(environment: Build) -> None:
    seen = register(environment(credential=federated()))
    assert not types(seen) & {
        "tailscale:index/oauthClient:OauthClient",
        "tailnet:index:CredentialProof",
        "kubernetes:core/v1:Secret",
    }


def test_the_levels_are_those_of_the_design_without_the_secret(environment: Build) -> None:
    seen = register(environment(credential=federated()))
    bounds = {"ceiling-role", "ceiling-binding", "roles-read-only", "roles-highflame-sre"}
    assert edges(seen, "operator-release") == {"operator-namespace"}
    assert edges(seen, "cleanup") == {"operator-release", "cluster"}
    assert edges(seen, "federated") == {"cleanup", "identity"}
    assert all(edges(seen, bound) == {"federated", "operator-namespace"} for bound in bounds)
    assert edges(seen, "enrolment") == {"identity", "cleanup", "federated", "record", *bounds}
    assert edges(seen, "access") == {"enrolment"}


def test_without_the_id_nothing_is_put_into_the_cluster(environment: Build) -> None:
    seen = register(environment(credential=federated(None)))
    assert not [name for name, row in seen.rows.items() if "kubernetes" in row.type]
    assert edges(seen, "federated") == {"cleanup", "identity"}
    assert seen.rows["acme-prod-enrolment"].inputs["wait"] is False


def test_highly_available_proxies_too_wait_for_the_id(environment: Build) -> None:
    wide = {"acknowledge": ["devices:core", "services"]}
    available = {"apiServerProxy": {"replicas": 2}}
    first = register(environment(operator=available, credential={**federated(None), **wide}))
    assert not [name for name, row in first.rows.items() if "kubernetes" in row.type]
    second = register(environment(operator=available, credential={**federated(), **wide}))
    assert second.rows["acme-prod-federated"].inputs["scopes"] == ["auth_keys", "devices:core", "services"]
    assert "kubernetes:tailscale.com/v1alpha1:ProxyGroup" in types(second)
    assert "kubernetes:core/v1:Secret" not in types(second)


def test_with_another_id_nobody_is_let_in(environment: Build) -> None:
    with pytest.raises(Exception, match=f"is kOther1CNTRL, and this stack's identity is {MADE}"):
        register(environment(credential=federated("kOther1CNTRL")))


def test_an_operator_that_stands_is_not_uninstalled_on_the_way(environment: Build) -> None:
    assert refusal("acme-prod", []) is None
    told = refusal("acme-prod", [{"name": "acme-prod-kube.tail0000.ts.net", "online": False}]) or ""
    assert "has an operator already (acme-prod-kube.tail0000.ts.net)" in told
    assert "pulumi destroy -s acme-prod, then pulumi up -s acme-prod" in told


def test_what_is_pending_first_is_the_id_alone(environment: Build) -> None:
    without = environment(credential=federated(None))
    wanted = wanted_id(without, "kMade1CNTRL") or ""
    assert "support-access:credential.federation.clientId kMade1CNTRL" in wanted
    first, second = pending("pending", "pending", suspended=False, wanted=wanted)
    assert first == wanted
    assert "No grant is written" in second
    assert wanted_id(environment(credential=federated()), "kMade1CNTRL") is None
    assert wanted_id(environment(), "kMade1CNTRL") is None


def test_the_chart_is_given_the_id_and_no_volume(environment: Build) -> None:
    settings = environment(credential=federated("kMade1CNTRL"))
    values = chart_values(settings.names, settings)
    assert values["oauth"] == {"clientId": "kMade1CNTRL", "audience": "support-access/acme-prod"}
    assert "oauthSecretVolume" not in values
    unready = environment(credential=federated(None))
    with pytest.raises(ValueError, match="no id"):
        chart_values(unready.names, unready)


def test_the_audience_is_the_environments_own_unless_it_is_declared(environment: Build) -> None:
    assert federated_audience(environment()) is None
    assert federated_audience(environment(customer="globex", credential=federated())) == "support-access/globex-prod"
    assert federated_audience(environment(credential=federated(audience="acme.example/x"))) == "acme.example/x"


def test_the_scopes_are_the_least_here_too(environment: Build) -> None:
    assert scopes(environment(credential=federated())) == ["auth_keys"]


def test_a_handoff_has_no_credential_among_its_outputs(environment: Build) -> None:
    seen = register(environment(delivery="handoff", cluster=None, credential=federated()))
    outputs = seen.rows["acme-prod"].outputs
    with_secret = register(environment(delivery="handoff", cluster=None)).rows["acme-prod"].outputs
    assert outputs is not None
    assert with_secret is not None
    assert set(with_secret) - set(outputs) == {"operatorCredential"}
