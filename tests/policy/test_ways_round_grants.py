"""Whatever would let in as a grant does, by another way: each of these once passed, or would if the rule bent."""

from __future__ import annotations

from typing import Any

import pytest

from tests.policy.test_rules import SLICE, Case, impersonating, slice_of

OLD_NAME = {"https://tailscale.com/cap/kubernetes": [{"impersonate": {"groups": ["system:masters"]}}]}


def section(name: str, *entries: Any, part: str = "access") -> dict[str, Any]:
    return {"part": part, "customer": "acme", "environment": "prod", "sections": {name: list(entries)}}


def identity(**sections: Any) -> dict[str, Any]:
    return {"part": "identity", "customer": "acme", "environment": "prod", "sections": sections}


REFUSED = [
    Case("grants-narrow", SLICE, slice_of(src="*"), "has source *:"),
    Case("grants-narrow", SLICE, slice_of(dst="tag:kube-globex-prod"), "has destination tag:kube-globex-prod:"),
    Case("grants-narrow", SLICE, identity(tagOwners={"tag:kube-acme-prod": "tag:k8s-globex"}), "tag:k8s-globex owns"),
    Case("grants-narrow", SLICE, slice_of(dst=["tag:kube-globex-prod"]), "not of acme-prod"),
    Case("grants-narrow", SLICE, slice_of(dst=["tag:k8s-acme"]), "not of acme-prod"),
    Case("grants-narrow", SLICE, slice_of(dst=["tag:kube-acme-dev"]), "not of acme-prod"),
    Case("grants-narrow", SLICE, slice_of(dst=["tag:svc-acme-prod-x-db"]), "not of acme-prod"),
    Case("grants-narrow", SLICE, slice_of(dst=["0.0.0.0/0"]), "not of acme-prod"),
    Case("grants-narrow", SLICE, slice_of(dst=["10.0.0.0/8"], via=["tag:svc-globex-prod-net"]), "not of acme-prod"),
    Case(
        "grants-narrow",
        SLICE,
        slice_of(dst=["10.0.0.0/8"], via=["tag:svc-acme-prod-net", "tag:svc-globex-prod-net"]),
        "not of acme-prod",
    ),
    *(
        Case("grants-narrow", SLICE, slice_of(src=sources, dst=["tag:artifact-store"]), "not of acme-prod")
        for sources in ([], ["group:sre"], ["tag:svc-acme-prod-out", "group:sre"])
    ),
    Case("grants-narrow", SLICE, slice_of(dst=["autogroup:internet"]), "not of acme-prod"),
    Case("grants-narrow", SLICE, slice_of(dst=["*"], via=["tag:svc-acme-prod-net"]), "reaches every customer"),
    *(
        Case("grants-narrow", SLICE, slice_of(src=["tag:svc-acme-prod-out"], dst=[other]), "not of acme-prod")
        for other in ("tag:kube-globex-prod", "tag:svc-globex-prod-db", "tag:k8s-acme", "group:staff", "100.64.0.0/10")
    ),
    *(
        Case("grants-narrow", SLICE, slice_of(src=[wide]), "not a named group")
        for wide in ("*", "autogroup:admin", "user:*@example.com", "*@example.com", "0.0.0.0/0", "100.64.0.0/10", "lan")
    ),
    Case("grants-narrow", SLICE, slice_of() | {"customer": "globex"}, "it is of globex-prod, and the stack is acme"),
    # A customer's name may begin as another's does: `acme` and `acme-eu`.
    *(
        Case("grants-narrow", SLICE, slice_of(src=["tag:svc-acme-prod-out"], dst=[other]), "not of acme-prod")
        for other in ("tag:svc-acme-eu-prod-db", "tag:svc-acme-dev", "tag:Kube-globex-prod")
    ),
    *(
        Case("grants-narrow", SLICE, slice_of(src=[other]), "on machines of another environment")
        for other in (
            "tag:kube-globex-prod",
            "tag:kube-acme-dev",
            "tag:k8s-operator-acme",
            "tag:cust-globex",
            "tag:svc-globex-prod-out",
            "tag:svc-acme-eu-prod-out",
            "tag:API-globex-prod",
        )
    ),
    *(
        Case("grants-narrow", SLICE, identity(tagOwners={tag: [owner]}), f"{owner} owns {tag}")
        for tag, owner in (
            ("tag:kube-acme-prod", "autogroup:member"),
            ("tag:kube-acme-prod", "group:sre"),
            ("tag:kube-acme-prod", "ada@example.com"),
            ("tag:kube-acme-prod", "tag:kube-acme-dev"),
            ("tag:k8s-operator-acme", "tag:kube-acme-prod"),
            ("tag:svc-acme-prod-db", "tag:kube-acme-dev"),
            ("tag:api-acme-prod", "tag:k8s-operator-globex"),
        )
    ),
    *(
        Case("grants-narrow", SLICE, identity(tagOwners={tag: []}), f"declares {tag}")
        for tag in ("tag:kube-globex-prod", "tag:kube-acme-dev", "tag:k8s-globex", "tag:ci-runner")
    ),
    *(
        Case("grants-narrow", SLICE, identity(autoApprovers=approved), said)
        for approved, said in (
            ({"routes": {"10.0.0.0/8": ["tag:svc-globex-prod-net"]}}, "approves routes of tag:svc-globex-prod-net"),
            ({"routes": {"10.0.0.0/8": ["group:sre"]}}, "approves routes of group:sre"),
            ({"exitNode": ["tag:k8s-acme"]}, "approves exitNode of tag:k8s-acme"),
            ({"services": {"svc:globex-prod-api": ["tag:api-acme-prod"]}}, "approves services of svc:globex"),
        )
    ),
    Case("grants-narrow", SLICE, {"part": "shared", "sections": {}}, "only the stack `tailnet`"),
    Case("grants-narrow", SLICE, slice_of(dst=["*"]) | {"part": "shared"}, "reaches every", stack="tailnet"),
    Case("grants-narrow", SLICE, section("acls", {"src": ["*"], "dst": ["*:*"]}), "it has acls"),
    Case("grants-narrow", SLICE, section("ssh", {"src": ["group:sre"]}), "it has ssh"),
    Case("grants-narrow", SLICE, slice_of(dst=["tag:svc-acme-prod-db"], app=impersonating("sre")), "capability on"),
    Case("grants-narrow", SLICE, slice_of(dst=["tag:svc-acme-prod-db"], app=OLD_NAME), "capability on"),
    Case("grants-impersonate", SLICE, slice_of(app=OLD_NAME), "impersonates system:masters"),
    Case(
        "grants-impersonate",
        SLICE,
        {"declared": slice_of(app=impersonating("system:masters"))["sections"]},
        "impersonates system:masters",
    ),
]

PASS = [
    Case("grants-narrow", SLICE, slice_of(dst=["tag:svc-acme-prod-db"]), None),
    Case("grants-narrow", SLICE, slice_of(dst=["10.0.0.0/8"], via=["tag:svc-acme-prod-net"]), None),
    Case("grants-narrow", SLICE, slice_of(dst=["autogroup:internet"], via=["tag:svc-acme-prod-net"]), None),
    Case("grants-narrow", SLICE, slice_of(src=["tag:svc-acme-prod-out"], dst=["tag:artifact-store"]), None),
    Case("grants-narrow", SLICE, slice_of(src=["tag:svc-acme-prod-out"], dst=["tag:svc-acme-dev-db"]), None),
    Case("grants-narrow", SLICE, slice_of(src=["tag:svc-acme-dev-out"], dst=["tag:svc-acme-prod-db"]), None),
    Case("grants-narrow", SLICE, slice_of(src=["tag:CI-runner"]), None),
    Case("grants-narrow", SLICE, {"part": "shared", "sections": {}}, None, stack="tailnet"),
    Case(
        "grants-narrow",
        SLICE,
        identity(
            tagOwners={
                "tag:k8s-operator-acme": ["tag:support-access-deployer"],
                "tag:cust-acme": ["tag:k8s-operator-acme"],
                "tag:kube-acme-prod": ["autogroup:admin"],
                "tag:svc-acme-prod-db": ["tag:kube-acme-prod"],
            },
            autoApprovers={
                "routes": {"10.0.0.0/8": ["tag:svc-acme-prod-net"]},
                "exitNode": ["tag:svc-acme-prod-net"],
                "services": {"tag:api-acme-prod": ["tag:api-acme-prod"]},
            },
        ),
        None,
    ),
]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: f"{case.policy}-{case.said}")
def test_it_is_refused(case: Case) -> None:
    assert case.said is not None
    assert any(case.said in line for line in case.judged()), case.judged()


@pytest.mark.parametrize("case", PASS, ids=lambda case: case.policy)
def test_what_only_looks_like_it_passes(case: Case) -> None:
    assert case.judged() == []
