"""What a run of the program loads: every preview waits for it. By which modules, never by time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("httpx", "kubernetes", "pulumi_kubernetes.core.v1", "pulumi_aws", "pulumi_azure_native", "pulumi_gcp")
"""Between a tenth and half a second each."""

RUN = f"""
import json, sys
from components.settings.environment import EnvironmentSettings
from components.support_access import SupportAccess, SupportAccessArgs
from tests.components import registered
for name in [name for name in sys.modules if name.partition(".")[0] == "httpx"]:
    del sys.modules[name]  # that module loads it for the tests
settings = EnvironmentSettings.model_validate(json.loads(sys.argv[1]))
seen = registered._register(SupportAccess, "acme-prod", SupportAccessArgs(settings=settings))
assert "acme-prod-access" in seen.rows
print(json.dumps([name for name in {HEAVY} if name in sys.modules]))
"""
HANDOFF = {
    "customer": "acme",
    "environment": "prod",
    "delivery": "handoff",
    "access": [{"from": "group:highflame-sre", "role": "read-only"}],
}
AWS = {
    "target": "aws-security-group",
    "region": "eu-central-1",
    "securityGroup": "sg-0a0a0a0a0a0a0a0a0",
    "derp": "any443",
}
AZURE = {
    "target": "azure-nsg",
    "nsg": "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/net"
    "/providers/Microsoft.Network/networkSecurityGroups/nodes",
    "priority": 400,
    "sources": ["10.64.0.0/16"],
    "derp": "any443",
}
GCP = {
    "target": "gcp-vpc-firewall",
    "network": "projects/acme-network/global/networks/prod",
    "priority": 900,
    "networkTags": ["nodes"],
    "derp": "any443",
}
MANAGED = {"delivery": "managed", "cluster": {"context": "acme-prod"}}


@pytest.mark.parametrize(
    ("more", "loaded"),
    [
        ({}, []),
        ({"egress": [AWS]}, ["pulumi_aws"]),
        ({"egress": [AZURE]}, ["pulumi_azure_native"]),
        ({"egress": [GCP]}, ["pulumi_gcp"]),
        (MANAGED, ["pulumi_kubernetes.core.v1"]),  # a stand-in for the cluster spares the preflight's client
    ],
    ids=["handoff", "aws", "azure", "gcp", "managed"],
)
def test_a_stack_loads_what_it_uses_and_nothing_else(more: dict[str, Any], loaded: list[str]) -> None:
    settings = json.dumps({**HANDOFF, **more})
    done = subprocess.run([sys.executable, "-c", RUN, settings], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == loaded
