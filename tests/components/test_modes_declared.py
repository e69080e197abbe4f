"""What the API's modes declare at Tailscale and register with the engine, and that an older operator is refused."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pulumi
import pytest
from pulumi.runtime.mocks import MockResourceArgs

from components.cluster.downgrade import refusal
from components.cluster.proxies import api_url
from components.egress.destinations import By, Needs, allowlist, required
from components.egress.needs import needs
from components.outputs import kubeconfig
from components.settings.environment import EnvironmentSettings
from components.support_access import SupportAccess, SupportAccessArgs
from components.tailnet.policy import access_sections, identity_sections
from tests.components.registered import Answers, Registered, registered

Build = Callable[..., EnvironmentSettings]
KUBE, API, STAFF = "tag:kube-acme-prod", "tag:api-acme-prod", "group:highflame-sre"
AVAILABLE: dict[str, Any] = {
    "operator": {"apiServerProxy": {"replicas": 2}},
    "credential": {"acknowledge": ["devices:core", "services"]},
}
NOAUTH: dict[str, Any] = {
    "access": [{"from": STAFF, "role": "own-credential"}],
    "operator": {"apiServerProxy": {"mode": "noauth"}},
}


def test_the_highly_available_api_has_a_tag_that_its_operator_owns_and_a_service_that_nobody_else_serves(
    environment: Build,
) -> None:
    settings = environment(**AVAILABLE)
    sections = identity_sections(settings.names, settings)
    assert sections["tagOwners"][API] == [KUBE]
    assert sections["autoApprovers"] == {"services": {API: [API]}}
    assert [test["src"] for test in sections["tests"]] == [KUBE, API]
    assert sections["tests"][0]["deny"] == sections["tests"][1]["deny"]


def test_its_grant_leads_to_the_proxies_and_not_to_the_operator(environment: Build) -> None:
    settings = environment(**AVAILABLE)
    (grant,) = access_sections(settings.names, settings)["grants"]
    assert (grant["dst"], grant["ip"]) == ([API], ["tcp:80", "tcp:443"])
    assert grant["app"] == {"tailscale.com/cap/kubernetes": [{"impersonate": {"groups": ["highflame-sre"]}}]}


def test_without_it_nothing_of_it_is_declared(environment: Build) -> None:
    settings = environment()
    sections = identity_sections(settings.names, settings)
    assert API not in sections["tagOwners"]
    assert "autoApprovers" not in sections
    assert [test["src"] for test in sections["tests"]] == [KUBE]


def test_where_nobody_is_impersonated_a_grant_opens_the_port_alone(environment: Build) -> None:
    settings = environment(**NOAUTH)
    assert access_sections(settings.names, settings)["grants"] == [{"src": [STAFF], "dst": [KUBE], "ip": ["tcp:443"]}]


def register(settings: EnvironmentSettings) -> Registered:
    return registered(SupportAccess, settings.names.name, SupportAccessArgs(settings=settings))


@pytest.fixture
def available(environment: Build) -> Registered:
    return register(environment(**AVAILABLE))


def test_the_proxies_come_after_whatever_bounds_them_and_before_anybody_is_let_in(available: Registered) -> None:
    def after(name: str) -> set[str]:
        named = available.names(available.rows[f"acme-prod-{name}"].depends_on)
        return {other.removeprefix("acme-prod-") for other in named}

    assert {"credential-1", "proxies-proxy-class", "proxies-account", "ceiling-role", "ceiling-binding"} <= after(
        "proxies-group"
    )
    assert "proxies-group" in after("enrolment")
    assert available.rows["acme-prod-enrolment"].inputs["apiTag"] == API


def test_a_slow_cluster_cannot_hold_up_what_goes_after_them(available: Registered) -> None:
    parts = ("proxy-class", "account", "group")
    assert {available.rows[f"acme-prod-proxies-{part}"].delete_timeout for part in parts} == {"30s"}


def test_the_engine_waits_for_the_url_and_leaves_the_proxies_secrets_to_the_operator(available: Registered) -> None:
    group = available.rows["acme-prod-proxies-group"]
    assert group.type == "kubernetes:tailscale.com/v1alpha1:ProxyGroup"
    assert group.inputs["metadata"]["annotations"] == {
        "pulumi.com/waitFor": "jsonpath={.status.url}",
        "pulumi.com/deletionPropagationPolicy": "background",
    }
    assert "::acme-prod-kubernetes::" in group.provider


def test_proxies_that_wait_for_their_certificate_end_no_preview(
    environment: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an update that gave up waiting the object is there, with a status that has no URL yet."""
    answer = Answers.new_resource

    def waiting(self: Answers, args: MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        name, state = answer(self, args)
        return name, state | ({"status": {"conditions": []}} if args.typ.endswith(":ProxyGroup") else {})

    monkeypatch.setattr(Answers, "new_resource", waiting)
    seen = register(environment(**AVAILABLE))
    assert "acme-prod-access" in seen.rows


def test_the_kubeconfig_is_what_the_client_would_write(environment: Build) -> None:
    url = "https://acme-prod-api.tail0000.ts.net"
    name = url.removeprefix("https://")
    assert json.loads(kubeconfig(environment(**AVAILABLE), url)) == {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": url}}],
        "users": [{"name": "tailscale-auth", "user": {"token": "unused"}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": "tailscale-auth"}}],
        "current-context": name,
    }


def test_where_nobody_is_impersonated_the_kubeconfig_leaves_the_user_to_the_engineer(environment: Build) -> None:
    """A token in it would reach the API server, which knows none called unused."""
    made = json.loads(kubeconfig(environment(**NOAUTH), "https://acme-prod-kube.tail0000.ts.net"))
    assert made["users"] == []
    assert "user" not in made["contexts"][0]["context"]


@pytest.mark.parametrize(
    ("status", "url"),
    [
        ("https://acme-prod-api.tail0000.ts.net", "https://bluebird.tail0000.ts.net"),
        ("https://bluebird.tail0000.ts.net", "https://bluebird.tail0000.ts.net"),
        ("", None),
    ],
)
def test_a_new_name_of_the_api_is_told_at_once(environment: Build, status: str, url: str | None) -> None:
    """The operator writes it into the status later, where nobody waits for it: there was one already."""
    bent = {**AVAILABLE, "operator": {"apiServerProxy": {"replicas": 2, "hostname": "bluebird"}}}

    async def told() -> str | None:
        proxies: Any = SimpleNamespace(api_url=pulumi.Output.from_input(status))
        return await api_url(environment(**bent), pulumi.Output.from_input(None), proxies).future()

    assert asyncio.run(told()) == url


def test_only_the_proxies_account_is_bound_to_the_ceiling(available: Registered) -> None:
    (subject,) = available.rows["acme-prod-ceiling-binding"].inputs["subjects"]
    assert subject["name"] == available.rows["acme-prod-proxies-account"].inputs["metadata"]["name"]


def test_the_credential_has_the_acknowledged_scopes_and_no_more(available: Registered) -> None:
    assert available.rows["acme-prod-client-1"].inputs["scopes"] == ["auth_keys", "devices:core", "services"]


def test_without_impersonation_there_is_neither_ceiling_nor_role(environment: Build) -> None:
    seen = register(environment(**NOAUTH))
    assert not [name for name in seen.rows if "ceiling" in name or "roles" in name or "proxies" in name]
    assert "acme-prod-credential-1" in seen.rows


PROXIED = {"operator": {"httpProxy": {"url": "http://proxy.acme.example:3128"}}}


def test_behind_an_http_proxy_pods_need_the_proxy_alone(environment: Build) -> None:
    rows = required(needs(environment(**PROXIED)))
    pods = [(row.host, row.port) for row in rows if row.by is By.POD]
    assert pods == [("proxy.acme.example", 3128)]
    assert {row.by for row in rows} == {By.POD, By.NODE, By.DEPLOYER}


def test_the_list_says_what_the_proxy_itself_must_let_through(environment: Build) -> None:
    without, behind = allowlist(needs(environment())), allowlist(needs(environment(**PROXIED)))
    direct = [row["host"] for row in without["destinations"] if row["by"] == "operator pod"]
    assert [row["host"] for row in behind["throughProxy"]] == direct
    assert "throughProxy" not in without


def test_udp_does_not_go_through_an_http_proxy() -> None:
    rows = required(Needs(images=(), udp="any", http_proxy="proxy.acme.example:3128"))
    assert [row.protocol for row in rows if row.by is By.POD] == ["tcp", "udp"]


def test_a_chart_that_lies_beside_the_program_is_fetched_from_nowhere() -> None:
    assert not [row for row in required(Needs(images=(), chart=None)) if row.by is By.DEPLOYER]


def running(*versions: str | None) -> list[dict[str, Any]]:
    return [
        {"name": f"acme-prod-kube-{number}.tail0000.ts.net", **({"version": version} if version else {})}
        for number, version in enumerate(versions)
    ]


@pytest.mark.parametrize(
    ("declared", "known", "refused"),
    [
        ("v1.96.5", running(), False),
        ("v1.96.5", running("1.96.5-t0a1b2c3d4-gdeadbeef"), False),
        ("v1.96.5", running("1.94.2"), False),
        ("v1.96.5", running("1.96.6"), True),
        ("v1.96.5", running("1.98.0-t0a1b2c3d4"), True),
        ("v1.100.0", running("1.98.3"), False),
        ("v1.96.5", running("1.94.0", "1.98.0"), True),
        ("v1.96.5", running(None), False),
        ("v1.96.5", running("unknown"), False),
    ],
)
def test_an_operator_is_never_replaced_by_an_older_one(
    declared: str, known: list[dict[str, Any]], refused: bool
) -> None:
    told = refusal("acme-prod", declared, known)
    assert (told is not None) is refused
    if told is not None:
        assert "pulumi config set --stack acme-prod --path support-access:operator.version v1.9" in told
