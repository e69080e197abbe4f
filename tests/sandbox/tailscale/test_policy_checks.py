"""What a policy may say: each rule with a document that keeps it and one that breaks it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.tailscale.policy.judge import judge
from sandbox.tailscale.policy.refusal import Refusal
from sandbox.tailscale.policy.tailnet import Tailnet

TAILNET = Tailnet({"owner@example.com": "owner", "bob@example.org": "member"})
BASE: dict[str, Any] = {
    "groups": {"group:sre": ["bob@example.org"]},
    "tagOwners": {"tag:a": ["autogroup:admin"], "tag:b": ["tag:a"]},
    "hosts": {"web": "100.64.0.9", "lan": "10.0.0.0/8"},
    "ipsets": {"ipset:lans": ["10.1.0.0/16", "lan"]},
    "postures": {"posture:mac": ["node:os == 'macos'", "node:tsVersion >= '1.40'"]},
}


def answer(sections: dict[str, Any]) -> str:
    """The message of the refusal, empty when the document is accepted."""
    try:
        judge(json.dumps(BASE | sections), TAILNET)
    except Refusal as refusal:
        return refusal.message
    return ""


def grant(**fields: Any) -> dict[str, Any]:
    return {"grants": [{"src": ["group:sre"], "dst": ["tag:a"], "ip": ["tcp:443"]} | fields]}


def acl(**fields: Any) -> dict[str, Any]:
    return {"acls": [{"action": "accept", "src": ["group:sre"], "dst": ["tag:a:443"]} | fields]}


def ssh(**fields: Any) -> dict[str, Any]:
    return {"ssh": [{"action": "check", "src": ["group:sre"], "dst": ["tag:a"], "users": ["root"]} | fields]}


ACCEPTED = [
    {},
    grant(src=["*"]),
    grant(src=["group:synced@example.com"]),
    grant(src=["web"], dst=["lan"]),
    grant(src=["user:*@example.com"]),
    grant(dst=["autogroup:self"]),
    grant(dst=["autogroup:internet"], via=["tag:b"]),
    grant(dst=["ipset:lans", "svc:kube"]),
    grant(ip=["*", "22", "80-443", "udp:53", "icmp:*"]),
    grant(ip=[], app={"tailscale.com/cap/kubernetes": [{"impersonate": {"groups": ["g"]}}]}),
    grant(app={"highflame.ai/cap/support": [{}]}),
    grant(srcPosture=["posture:mac"]),
    acl(),
    acl(src=["*"], dst=["autogroup:self:*"]),
    acl(dst=["[fd7a:115c:a1e0::1]:22", "10.0.0.0/8:22,80,8000-8100"]),
    acl(proto="tcp"),
    {"defaultSrcPosture": ["posture:mac"]},
    {"tagOwners": {"tag:a": ["tag:b"], "tag:b": ["tag:a", "tag:b"]}},
    {"nodeAttrs": [{"target": ["tag:a", "*"], "attr": ["funnel"], "ipPool": ["100.81.0.0/16"]}]},
    {
        "autoApprovers": {
            "routes": {"10.0.0.0/8": ["tag:a", "group:sre"]},
            "exitNode": ["tag:a"],
            "services": {"svc:kube": ["tag:a"], "tag:b": ["tag:a"]},
        }
    },
    ssh(),
    ssh(users=["localpart:*@example.com", "autogroup:nonroot"], checkPeriod="168h", acceptEnv=["TERM"]),
    {"ACLs": [{"Action": "accept", "Users": ["*"], "Ports": ["*:*"]}]},
    {"derpMap": {"omitDefaultRegions": True}, "disableIPv4": True, "randomizeClientPort": False},
]

REFUSED = [
    (grant(src=["tag:x"]), 'src=tag not found: "tag:x"'),
    (grant(dst=["tag:x"]), 'dst=tag not found: "tag:x"'),
    (grant(src=["group:x"]), 'src=group not found: "group:x"'),
    (grant(src=["nobody"]), 'src="nobody": invalid address'),
    (grant(src=["autogroup:bogus"]), 'src=autogroup not found: "autogroup:bogus"'),
    (grant(src=["autogroup:self"]), '"autogroup:self" not valid on the src side of a rule'),
    (grant(dst=["autogroup:danger-all"]), "cannot use autogroup:danger-all as a dst"),
    (grant(dst=["0.0.0.0/0"]), 'dst "0.0.0.0/0": to allow all IP addresses, use "*" or "autogroup:internet"'),
    (
        grant(src=["*"], dst=["autogroup:self"]),
        "autogroup:self can only be used with users, groups, or supported autogroups",
    ),
    (grant(ip=[]), "ip and app can not both be empty"),
    (grant(ip=["tcp:0"]), "port range \"0\": first port must be >0, or use '*' for wildcard"),
    (grant(ip=["tcp:70000"]), 'port range "70000": invalid first integer'),
    (grant(ip=["9-1"]), 'port range "9-1": first port must be less than or equal to last port'),
    (grant(ip=["nope:1"]), 'unknown protocol "nope"'),
    (grant(via=["group:sre"]), "via can only be a tag"),
    (grant(via=["tag:x"]), 'tag "tag:x" not found'),
    (grant(app={"nothing": [{}]}), "capability name must have the form {domain}/{path}"),
    (grant(app={"tailscale.com/cap/funnel": [{}]}), "capability name must not be in the tailscale.com domain"),
    (grant(app={"x.y/z": {}}), 'app["x.y/z"]: expected a list of objects'),
    (
        grant(dst=["autogroup:internet"], app={"x.y/z": [{}]}),
        "cannot use app grants with autogroup:internet",
    ),
    (grant(srcPosture=["posture:x"]), 'posture not found: "posture:x"'),
    (grant(aap={}), 'unknown field "aap"'),
    (acl(action="deny"), 'action="deny" is not supported'),
    (acl(dst=["tag:x:443"]), 'dst="tag:x": tag not found: "tag:x"'),
    (acl(dst=["tag:a:ssh"]), 'dst="tag:a:ssh": port range "ssh": invalid first integer'),
    (
        acl(src=["tag:a"], dst=["autogroup:self:22"]),
        "autogroup:self can only be used with users, groups, or supported autogroups",
    ),
    (
        {"groups": {"group:a": ["group:b"], "group:b": []}},
        'groups["group:a"]: "group:b": group members cannot be recursive',
    ),
    ({"groups": {"group:a": ["tag:a"]}}, 'groups["group:a"]: "tag:a": group members must be users'),
    ({"tagOwners": {"tag:1a": []}}, "tagOwners[\"tag:1a\"]: tag names must start with a letter, after 'tag:'"),
    ({"tagOwners": {"tag:a_b": []}}, 'tagOwners["tag:a_b"]: tag names can only contain numbers, letters, or dashes'),
    ({"tagOwners": {"tag:a": ["tag:x"]}}, 'tagOwners["tag:a"]: tag not found: "tag:x"'),
    ({"hosts": {"web": "100.64.0"}}, 'hosts["web"]: "100.64.0": invalid address'),
    ({"postures": {"posture:x": ["os is mac"]}}, 'invalid posture condition "os is mac"'),
    ({"defaultSrcPosture": ["posture:x"]}, 'posture not found: "posture:x"'),
    ({"autoApprovers": {"routes": {"10.0.0.0/8": ["tag:x"]}}}, 'tag not found: "tag:x"'),
    ({"autoApprovers": {"services": {"kube": []}}}, 'autoApprovers.services: "kube" is not a service or a tag'),
    ({"nodeAttrs": [{"target": ["tag:x"], "attr": ["funnel"]}]}, 'tag not found: "tag:x"'),
    (
        {"nodeAttrs": [{"target": ["*"], "ipPool": ["100.100.100.0/24"]}]},
        "IPPool(100.100.100.0/24): network within reserved range",
    ),
    (ssh(action="deny"), '"deny" is not a valid action'),
    (ssh(users=["*"]), 'user "*" is not valid'),
    (ssh(users=None), "users must be specified"),
    (ssh(dst=["web"]), 'invalid dst "web"'),
    (ssh(checkPeriod="168h0m1s"), "checkPeriod 168h0m1s is above the max (168h)"),
    (ssh(checkPeriod="-1m"), "checkPeriod -1m0s must be a positive duration"),
    (ssh(checkPeriod="abc"), 'time: invalid duration "abc"'),
    (
        ssh(users=["localpart:*@example.org"]),
        "example.org is not associated with this Tailnet and cannot be used in user:*@<domain> expressions",
    ),
    ({"grnts": []}, 'unknown field "grnts"'),
    ({"Groups": {}}, 'duplicate field "groups"'),
    ({"grants": {}}, "grants: expected a list of objects"),
]


@pytest.mark.parametrize("sections", ACCEPTED)
def test_a_well_formed_policy_is_accepted(sections: dict[str, Any]) -> None:
    assert answer(sections) == ""


@pytest.mark.parametrize(("sections", "message"), REFUSED)
def test_a_broken_rule_is_refused_with_its_message(sections: dict[str, Any], message: str) -> None:
    assert answer(sections) == message
