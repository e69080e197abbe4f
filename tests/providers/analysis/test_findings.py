"""What breaks an environment's isolation is found; what does not is not."""

from __future__ import annotations

from typing import Any

import pytest

from providers.tailnet.analysis import Finding, findings
from providers.tailnet.analysis.finding import KINDS
from providers.tailnet.tags import Environment
from tests.providers.analysis.documents import (
    ACME,
    ACME_DEV,
    GLOBEX,
    KUBERNETES,
    capability,
    declared,
    document,
    grant,
)

PROD_NET, PROD_UI, GLOBEX_NET = ACME.svc_tag("net"), ACME.svc_tag("ui"), GLOBEX.svc_tag("net")
OPERATOR, PROXY, CUSTOMER = ACME.chain_tags
RESOLVED = {"addresses": ["100.64.0.7", "fd7a:115c:a1e0::7"]}


def found(policy: dict[str, Any], **more: Any) -> list[Finding]:
    return findings(policy, ACME, declared=declared(ACME), **more)


def named(policy: dict[str, Any], **more: Any) -> set[tuple[str, str]]:
    return {(finding.kind, finding.subject) for finding in found(policy, **more)}


def net(source: str, destination: str, *ip: str, **more: Any) -> dict[str, Any]:
    return {"src": [source], "dst": [destination], "ip": list(ip or ("*",)), **more}


def test_declared_access_alone_is_no_finding() -> None:
    assert found(document()) == []
    assert findings(document(), ACME) == []
    assert findings(document(GLOBEX), ACME) == []


@pytest.mark.parametrize(
    "empty", [{"acls": []}, {"ACLs": None, "grants": []}, {"groups": [], "grants": {}, "autoApprovers": []}]
)
def test_an_empty_or_misshapen_document_is_no_finding(empty: dict[str, Any]) -> None:
    assert findings(empty, ACME) == []


# --- who gets in -------------------------------------------------------------------------------------------

IN = [
    ACME.kube_tag, ACME.api_tag, ACME.rec_tag, PROD_UI, OPERATOR, PROXY, CUSTOMER,
    "*", "autogroup:tagged", "100.64.0.0/10", "fd7a:115c:a1e0::/48", "100.64.0.0-100.64.9.255", "ipset:all", "all",
]  # fmt: skip
NAMES: dict[str, Any] = {"hosts": {"all": "100.64.0.0/12"}, "ipsets": {"ipset:all": ["host:all"]}}
OTHERS = [
    "*", "autogroup:danger-all", "autogroup:tagged", "autogroup:shared", GLOBEX.kube_tag, GLOBEX.api_tag, GLOBEX_NET,
    *GLOBEX.chain_tags, "100.64.0.0/10", "group:globex-prod-oncall", "svc:globex-prod-api",
]  # fmt: skip


@pytest.mark.parametrize("destination", IN)
@pytest.mark.parametrize("source", OTHERS)
def test_another_customer_that_may_get_in_is_found(source: str, destination: str) -> None:
    policy = document(grants=[net(source, destination, "tcp:80")], **NAMES)
    assert ("foreign-customer", source) in named(policy)


@pytest.mark.parametrize("destination", IN)
@pytest.mark.parametrize(
    "source", ["group:net", "edsger@example.com", "user:*@example.com", "autogroup:member", "autogroup:admin", "tag:ci"]
)
def test_somebody_whom_the_stack_does_not_declare_is_found(source: str, destination: str) -> None:
    policy = document(grants=[net(source, destination, "tcp:443")], **NAMES)
    assert named(policy) == {("undeclared-reach", source)}


def test_old_rules_count_like_grants() -> None:
    for fields in (("src", "dst"), ("users", "ports"), ("Src", "DST")):
        entry = {"action": "accept", fields[0]: ["tag:ci"], fields[1]: [f"{CUSTOMER}:80,443"]}
        assert named(document(acls=[entry])) == {("undeclared-reach", "tag:ci")}
        (place,) = found({**document(), "ACLs": [entry]})[0].entries
        assert (place.section, place.index) == ("ACLs", 0)


@pytest.mark.parametrize("destination", ["tag:ci", "autogroup:self", "autogroup:member", "10.0.0.0/8", "group:net"])
def test_a_wide_source_that_reaches_others_only_is_not_getting_in(destination: str) -> None:
    kinds = {kind for kind, _ in named(document(grants=[net("*", destination)]))}
    assert not kinds & {"foreign-customer", "undeclared-reach", "foreign-environment"}


def test_a_declared_source_gets_a_notice_for_what_is_wider_than_declared() -> None:
    assert found(document(grants=[net("group:sre", CUSTOMER, "tcp:443")]))[0].kind == "wider-reach"
    wider = found(document(grants=[net("group:oncall", ACME.kube_tag)]))
    assert [(each.kind, each.subject, each.failure) for each in wider] == [("wider-reach", "group:oncall", False)]
    # Everybody of group:oncall is in group:sre, and the port is the declared one: nothing is added.
    assert found(document(grants=[net("group:oncall", ACME.kube_tag, "tcp:443")])) == []


def test_a_member_who_is_in_no_declared_group_is_found_even_if_the_others_are() -> None:
    policy = document(
        groups={"group:mixed": ["ada@example.com", "mallory@example.com"]},
        grants=[net("group:mixed", ACME.kube_tag, "tcp:443")],
    )
    assert named(policy) == {("undeclared-reach", "group:mixed")}


def test_an_own_tag_in_an_entry_of_somebody_else_is_not_declared() -> None:
    foreign = net("group:net", ACME.kube_tag, "tcp:443")
    assert named(document(grants=[foreign])) == {("undeclared-reach", "group:net")}
    # Without the stack's declaration ownership by tag is all there is to go by.
    assert findings(document(grants=[foreign]), ACME) == []


def test_another_environment_of_the_customer_is_told_apart_from_another_customer() -> None:
    policy = document(grants=[net(ACME_DEV.kube_tag, ACME.kube_tag), net(PROXY, PROD_UI)])
    assert named(policy) >= {("foreign-environment", ACME_DEV.kube_tag), ("foreign-environment", PROXY)}
    assert "foreign-customer" not in {kind for kind, _ in named(policy)}
    assert named(document(ACME, grants=[net(PROXY, PROD_UI)])) == set()


def test_a_declared_way_between_environments_of_a_customer_is_none() -> None:
    across = net(ACME_DEV.kube_tag, PROD_UI, "tcp:80")
    stack = {"grants": [grant(ACME), across]}
    assert findings(document(grants=[across]), ACME, declared=stack) == []


def test_declaring_another_customer_does_not_make_it_right() -> None:
    across = net(GLOBEX.kube_tag, PROD_UI, "tcp:80")
    stack = {"grants": [grant(ACME), across]}
    (only,) = findings(document(grants=[across]), ACME, declared=stack)
    assert (only.kind, only.subject, only.failure) == ("foreign-customer", GLOBEX.kube_tag, True)


def test_an_address_is_who_has_it() -> None:
    policy = document(grants=[net("100.64.0.7", ACME.kube_tag, "tcp:443"), net("group:net", "100.64.0.9", "tcp:22")])
    there = {"tags": [ACME.kube_tag, OPERATOR], "addresses": ["100.64.0.9"]}
    assert named(policy) == {("undeclared-reach", "100.64.0.7")}
    theirs = {"tags": [GLOBEX.kube_tag], **RESOLVED}
    expected = {("foreign-customer", "100.64.0.7"), ("undeclared-reach", "group:net")}
    assert named(policy, devices=[theirs, there]) == expected
    persons = {"user": "ada@example.com", **RESOLVED}
    assert ("undeclared-reach", "100.64.0.7") in named(policy, devices=[persons])


def test_a_network_behind_a_connector_of_the_environment_is_the_environment() -> None:
    approvers = {"routes": {"10.7.0.0/16": [PROD_NET], "10.8.0.0/16": [GLOBEX_NET]}}
    for destination in ("10.7.1.0/24", "10.0.0.0/8", "10.7.1.9", "0.0.0.0/1"):
        policy = document(grants=[net("tag:ci", destination)], autoApprovers=approvers)
        assert ("undeclared-reach", "tag:ci") in named(policy), destination
    assert named(document(grants=[net("tag:ci", "10.9.0.0/16")], autoApprovers=approvers)) == set()
    assert named(document(grants=[net("10.8.3.0/24", PROD_UI)], autoApprovers=approvers)) == {
        ("foreign-customer", "10.8.3.0/24")
    }


def test_via_says_whose_network_it_is() -> None:
    approvers = {"routes": {"10.7.0.0/16": [PROD_NET]}}
    through_vendor = net("group:net", "10.7.0.0/16", via=["tag:ci"])
    through_acme = net("group:net", "10.9.0.0/16", via=[PROD_NET])
    assert named(document(grants=[through_vendor], autoApprovers=approvers)) == set()
    assert named(document(grants=[through_acme])) == {("undeclared-reach", "group:net")}


def test_tags_that_only_look_like_a_customers_are_the_vendors() -> None:
    policy = document(grants=[net("tag:api-gateway-prod", PROD_UI), net("tag:k8s-operator", PROD_UI)])
    assert named(policy) == {("undeclared-reach", "tag:api-gateway-prod"), ("undeclared-reach", "tag:k8s-operator")}


def test_a_customer_with_a_hyphen_is_another_customer() -> None:
    trap = Environment("acme-prod", "x")
    policy = document(ACME, trap, grants=[net(trap.kube_tag, PROD_UI)])
    assert ("foreign-customer", trap.kube_tag) in named(policy)


# --- as whom -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "destination", [ACME.kube_tag, ACME.api_tag, OPERATOR, PROXY, CUSTOMER, "*", "autogroup:tagged"]
)
@pytest.mark.parametrize("source", ["group:sre", "group:net", "ada@example.com", "autogroup:member", "*", "tag:ci"])
def test_a_group_that_the_stack_does_not_declare_is_found_with_and_without_a_port(
    source: str, destination: str
) -> None:
    entry = {"src": [source], "dst": [destination], "app": capability("system:masters")}
    for more in ({}, {"ip": ["tcp:443"]}):
        assert ("impersonation", f"{source} as system:masters") in named(document(grants=[{**entry, **more}]))


def test_the_capabilitys_old_name_impersonates_too() -> None:
    """The proxy honours it for callers without the new one."""
    admin = {"src": ["group:net"], "dst": [OPERATOR], "app": {f"https://{KUBERNETES}": capability("admin")[KUBERNETES]}}
    assert named(document(grants=[admin])) == {("impersonation", "group:net as admin")}


def test_what_a_grant_adds_to_what_is_declared_is_all_that_is_found() -> None:
    policy = document(grants=[{"src": ["group:oncall"], "dst": [OPERATOR], "app": capability("sre", "admin")}])
    assert named(policy) == {("impersonation", "group:oncall as admin")}


def test_a_capability_beside_the_api_impersonates_nobody() -> None:
    for destination in (PROD_UI, ACME.rec_tag, "tag:ci", GLOBEX.kube_tag):
        policy = document(grants=[{"src": ["group:net"], "dst": [destination], "app": capability("admin")}])
        assert named(policy) == set()


def test_the_declared_group_without_the_declared_posture_is_found() -> None:
    strict = grant(ACME, srcPosture=["posture:acme-prod-mac"])
    stack = {"grants": [strict], "postures": {"posture:acme-prod-mac": ["node:os == 'macos'"]}}
    policy = document(grants=[strict, {"src": ["group:sre"], "dst": [OPERATOR], "app": capability("sre")}])
    policy["grants"].remove(grant(ACME))
    policy["postures"] = stack["postures"]
    assert {(each.kind, each.subject) for each in findings(policy, ACME, declared=stack)} == {
        ("impersonation", "group:sre as sre")
    }


@pytest.mark.parametrize("destination", ["*", "autogroup:tagged", "100.64.0.0/10"])
def test_a_capability_for_all_customers_is_found_though_it_adds_nothing(destination: str) -> None:
    policy = document(grants=[{"src": ["group:sre"], "dst": [destination], "app": capability("sre")}])
    assert named(policy) == {("wide-capability", f"group:sre to {destination}")}


@pytest.mark.parametrize(
    "value",
    [
        {"impersonate": {"groups": "sre"}}, {"impersonate": ["sre"]}, {"impersonate": {"groups": [1]}}, "sre", None,
        {"impersonate": {"groups": ["sre"]}, "recorder": "tag:rec"},
        {"impersonate": {"groups": ["sre"]}, "enforceRecorder": "yes"},
    ],
)  # fmt: skip
def test_a_capability_that_the_proxy_cannot_read_is_found_whoever_wrote_it(value: Any) -> None:
    broken = grant(ACME) | {"app": {KUBERNETES: [value]}}
    policy = document()
    policy["grants"] = [broken]
    for stack in ({"grants": [broken]}, {"grants": []}, None):
        kinds = [each.kind for each in findings(policy, ACME, declared=stack)]
        assert "malformed-capability" in kinds


def test_readable_capabilities_are_not_malformed() -> None:
    for value in ({}, {"impersonate": {}}, {"impersonate": {"groups": None}}, {"recorder": ["tag:r"]}):
        policy = document(grants=[{"src": ["group:sre"], "dst": [ACME.kube_tag], "app": {KUBERNETES: [value]}}])
        assert "malformed-capability" not in {kind for kind, _ in named(policy)}


# --- what its nodes reach ----------------------------------------------------------------------------------

OUT = [ACME.kube_tag, PROD_UI, OPERATOR, PROXY, CUSTOMER, "*", "autogroup:tagged", "100.64.0.0/10"]


@pytest.mark.parametrize("source", OUT)
@pytest.mark.parametrize("destination", ["*", "autogroup:tagged", GLOBEX.kube_tag, *GLOBEX.chain_tags, "100.64.0.0/10"])
def test_a_way_to_another_customer_is_found(source: str, destination: str) -> None:
    assert ("reaches-customer", destination) in named(document(grants=[net(source, destination, "tcp:1")]))


@pytest.mark.parametrize("source", OUT)
@pytest.mark.parametrize(
    "destination", ["*", "autogroup:member", "autogroup:owner", "group:net", "ada@example.com", "100.64.0.0/10"]
)
def test_a_way_to_peoples_devices_is_found(source: str, destination: str) -> None:
    assert ("reaches-staff", destination) in named(document(grants=[net(source, destination, "tcp:1")]))


def test_declaring_a_way_out_to_people_or_customers_does_not_make_it_right() -> None:
    out = [net(ACME.kube_tag, "group:net"), net(ACME.kube_tag, GLOBEX.kube_tag)]
    kinds = {each.kind for each in findings(document(grants=out), ACME, declared={"grants": [grant(ACME), *out]})}
    assert kinds == {"reaches-staff", "reaches-customer"}


def test_a_way_to_the_vendors_nodes_is_a_notice_unless_declared() -> None:
    out = net(ACME.kube_tag, "tag:ci", "tcp:53")
    foreign = found(document(grants=[out]))
    assert [(each.kind, each.subject, each.failure) for each in foreign] == [("reaches-vendor", "tag:ci", False)]
    assert findings(document(grants=[out]), ACME, declared={"grants": [grant(ACME), out]}) == []


def test_a_way_into_another_customers_network_is_found() -> None:
    approvers = {"routes": {"10.8.0.0/16": [GLOBEX_NET]}}
    policy = document(grants=[net(PROXY, "10.8.1.0/24")], autoApprovers=approvers)
    assert ("reaches-customer", "10.8.1.0/24") in named(policy)
    through = document(grants=[net(PROXY, "autogroup:internet", via=[GLOBEX_NET])])
    assert ("reaches-customer", "autogroup:internet") in named(through)


def test_nodes_that_have_no_owner_reach_nothing_of_their_own() -> None:
    assert named(document(grants=[net("*", "autogroup:self")])) == set()


# --- funnel ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("attribute", ["funnel", "https://tailscale.com/cap/funnel"])
@pytest.mark.parametrize("target", ["*", "autogroup:tagged", ACME.kube_tag, PROD_UI, OPERATOR, PROXY, CUSTOMER])
def test_funnel_for_its_nodes_is_found(target: str, attribute: str) -> None:
    policy = document(nodeAttrs=[{"target": ["tag:ci", target], "attr": ["drive:share", attribute]}])
    assert named(policy) == {("funnel", target)}


@pytest.mark.parametrize(
    "entry",
    [
        # Recorded: an attribute for autogroup:member is on no tagged node.
        {"target": ["autogroup:member"], "attr": ["funnel"]},
        {"target": ["tag:ci", GLOBEX.kube_tag, "ada@example.com"], "attr": ["funnel"]},
        {"target": ["*"], "attr": ["drive:share"]},
        {"target": [], "attr": ["funnel"]},
    ],
)
def test_funnel_elsewhere_and_other_attributes_are_none(entry: dict[str, Any]) -> None:
    assert named(document(nodeAttrs=[entry])) == set()


# --- routes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("own", "other"),
    [
        ("10.0.0.0/16", "10.0.0.0/16"), ("10.0.0.0/8", "10.3.0.0/16"), ("10.3.0.0/16", "10.0.0.0/8"),
        ("0.0.0.0/0", "192.168.0.0/24"), ("fd00:1::/64", "::/0"), ("fd00:1::/48", "fd00:1:0:5::/64"),
        ("10.0.0.9/32", "10.0.0.0/28"),
    ],
)  # fmt: skip
def test_routes_of_two_customers_that_share_an_address_are_found(own: str, other: str) -> None:
    expected = {("routes", f"{own} and {other} of {GLOBEX_NET}")}
    served = {own: [PROD_NET, GLOBEX_NET]} if own == other else {own: [PROD_NET], other: [GLOBEX_NET]}
    assert named(document(autoApprovers={"routes": served})) == expected
    by_grant = net("group:sre", other, via=[GLOBEX_NET])
    assert expected <= named(document(autoApprovers={"routes": {own: [PROD_NET]}}, grants=[by_grant]))


def test_an_exit_node_of_another_customer_overlaps_every_route() -> None:
    policy = document(autoApprovers={"routes": {"10.0.0.0/16": [PROD_NET]}, "exitNode": [GLOBEX_NET]})
    assert named(policy) == {("routes", f"10.0.0.0/16 and exit node of {GLOBEX_NET}")}


@pytest.mark.parametrize(
    ("own", "other", "tag"),
    [
        ("10.0.0.0/16", "10.1.0.0/16", GLOBEX_NET),
        ("10.0.0.0/16", "fd00::/16", GLOBEX_NET),
        ("10.0.0.0/16", "10.0.0.0/16", "tag:ci"),
        ("10.0.0.0/16", "10.0.0.0/8", ACME.svc_tag("other")),
        ("10.0.0.0/16", "10.0.0.0/8", PROXY),
    ],
)
def test_other_routes_are_none(own: str, other: str, tag: str) -> None:
    routes = {own: [PROD_NET], other: [PROD_NET, tag]} if own == other else {own: [PROD_NET], other: [tag]}
    assert named(document(autoApprovers={"routes": routes})) == set()


def test_routes_of_another_environment_of_the_customer_count_too() -> None:
    policy = document(autoApprovers={"routes": {"10.0.0.0/16": [PROD_NET, ACME_DEV.svc_tag("net")]}})
    assert named(policy) == {("routes", f"10.0.0.0/16 and 10.0.0.0/16 of {ACME_DEV.svc_tag('net')}")}


# --- form --------------------------------------------------------------------------------------------------


def test_every_kind_can_be_found_and_names_subject_and_environment() -> None:
    policy = document(
        grants=[
            net("*", "*"),
            net(ACME_DEV.kube_tag, ACME_DEV.kube_tag, "1"),
            net(ACME_DEV.kube_tag, ACME.kube_tag),
            net(ACME.kube_tag, ACME_DEV.kube_tag),
            net(ACME.kube_tag, "tag:ci"),
            net("group:sre", ACME.kube_tag),
            net("group:net", "*"),
            {"src": ["group:sre"], "dst": ["*"], "app": capability("system:masters")},
            {"src": ["group:sre"], "dst": [OPERATOR], "app": {KUBERNETES: ["admin"]}},
        ],
        nodeAttrs=[{"target": ["*"], "attr": ["funnel"]}],
        autoApprovers={"routes": {"10.0.0.0/16": [PROD_NET, GLOBEX_NET]}},
    )
    every = found(policy)
    assert {each.kind for each in every} == set(KINDS)
    for each in every:
        assert each.subject in each.text
        assert "acme-prod" in each.text
        assert "{" not in each.text.replace('{"impersonate": {"groups": ["<group>"]}}', "")
        assert each.entries
    assert [each.failure for each in every] == sorted((each.failure for each in every), reverse=True)


def test_one_cause_in_two_entries_is_one_finding_with_both() -> None:
    policy = document(grants=[net("tag:ci", ACME.kube_tag, "22"), net("tag:ci", CUSTOMER, "80")])
    (only,) = found(policy)
    assert [str(place) for place in only.entries] == ["grants[4]", "grants[5]"]
