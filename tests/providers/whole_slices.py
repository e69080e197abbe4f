"""The slices of an environment that uses every section it may declare, and the shared slice that does so."""

from __future__ import annotations

from typing import Any

from providers.tailnet.slice import Slice
from providers.tailnet.tags import Environment
from tests.providers.policies import ACME, grant, identity

NET = ACME.svc_tag("net")
GROUP, POSTURE, HOST = "group:acme-prod-oncall", "posture:acme-prod-laptop", "acme-prod-db"
GRANT = grant(ACME)
LIMITED = {"src": [GROUP], "srcPosture": [POSTURE], "dst": [NET], "ip": ["tcp:5432"]}
ACL = {"action": "accept", "src": [NET], "proto": "tcp", "dst": [f"{HOST}:5432"]}
SSH = {"action": "check", "src": [GROUP], "dst": [NET], "users": ["ubuntu"]}
NODE_ATTR = {"target": [NET], "attr": ["nextdns:no-device-info"]}
TEST = {"src": ACME.kube_tag, "deny": ["tag:internal:443"]}
SSH_TEST = {"src": NET, "dst": ["tag:internal"], "deny": ["root"]}

ACCESS: dict[str, Any] = {
    "grants": [GRANT, LIMITED],
    "acls": [ACL],
    "ssh": [SSH],
    "postures": {POSTURE: ["node:os == 'macos'", "node:tsVersion >= '1.90'"]},
    "groups": {GROUP: ["ann@example.com", "bob@example.com"]},
    "hosts": {HOST: "10.7.0.0/16"},
}
IDENTITY: dict[str, Any] = {
    "tagOwners": {**identity(ACME).sections["tagOwners"], NET: [ACME.operator_tag]},
    "autoApprovers": {
        "routes": {"10.7.0.0/16": [NET]},
        "exitNode": [NET],
        "services": {ACME.kube_tag: [ACME.kube_tag]},
    },
    "nodeAttrs": [NODE_ATTR],
    "tests": [TEST],
    "sshTests": [SSH_TEST],
}
OF = {"customer": ACME.customer, "environment": ACME.environment}
IDENTITY_INPUTS = {**OF, "part": "identity", "sections": IDENTITY, "declared": ACCESS}
ACCESS_INPUTS = {**OF, "part": "access", "sections": ACCESS, "active": True}


def whole_identity(
    sections: dict[str, Any] = IDENTITY, declared: dict[str, Any] = ACCESS, environment: Environment = ACME
) -> Slice:
    return Slice(part="identity", environment=environment, sections=sections, declared=declared)


def whole_access(sections: dict[str, Any] = ACCESS, environment: Environment = ACME) -> Slice:
    return Slice(part="access", environment=environment, sections=sections)
