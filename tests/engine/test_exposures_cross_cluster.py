"""A way from one cluster of a customer's to another: both stacks declare it, neither opens it alone, either closes it.

The life of both environments is one test, since each step is the start of the next and the world is slow. They are of
one customer, in the two clusters of the world, whatever those are called.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.demo.observe import Cluster, Tailnet
from sandbox.demo.pulumi import Pulumi
from tests.engine.conftest import Example
from tests.sandbox.operator.conftest import eventually

pytestmark = pytest.mark.engine

STACK = """config:
  support-access:customer: acme
  support-access:environment: {environment}
  support-access:cluster: {{context: {context}}}
  support-access:credential: {{acknowledge: ["devices:core"]}}
  support-access:access: [{{from: "group:highflame-sre", role: read-only}}]
  support-access:expose: [{expose}]
"""
DB = (
    "{name: db, kind: cross-cluster, namespace: shop, service: db, ports: [5432],"
    " peer: {environment: dev, exposure: reader}}"
)
READER = (
    "{name: reader, kind: egress, namespace: shop, service: prod-db, fqdn: acme-prod-db.tail0000.ts.net,"
    " ports: [5432], peer: {environment: prod, exposure: db}}"
)
CUSTOMERS = """
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: shop}
spec: {ports: [{port: 5432}]}
"""
PROD, DEV = "tag:svc-acme-prod-db", "tag:svc-acme-dev-reader"
WAY = {"src": [DEV], "dst": [PROD], "ip": ["tcp:5432"]}


@pytest.fixture(scope="module", autouse=True)
def customers(clusters: dict[str, Cluster], tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    file = tmp_path_factory.mktemp("customers") / "services.yaml"
    file.write_text(CUSTOMERS)
    for cluster in clusters.values():
        cluster.kubectl("apply", "-f", str(file))
    yield
    for cluster in clusters.values():
        cluster.kubectl("delete", "namespace", "shop", "--wait=false")


def write(example: Example, environment: str, context: str, expose: str) -> None:
    example.write(f"acme-{environment}", STACK.format(environment=environment, context=context, expose=expose))


def ways(tailnet: Tailnet) -> list[dict[str, Any]]:
    """Every grant to the exposed Service."""
    return tailnet.grants_to(PROD)


def engineers(tailnet: Tailnet, environment: str) -> list[str]:
    return [who for grant in tailnet.grants_to(f"tag:kube-acme-{environment}") for who in grant["src"]]


def finalizers(cluster: Cluster) -> list[str]:
    """Of the customer's Service that is exposed."""
    (found,) = [one for one in cluster.get("services", "-n", "shop") if one["metadata"]["name"] == "db"]
    return found["metadata"].get("finalizers") or []


def test_both_stacks_open_the_way_and_either_shuts_it_and_nobody_elses_access_goes(
    pulumi: Pulumi, example: Example, tailnet: Tailnet, clusters: dict[str, Cluster]
) -> None:
    example.write("tailnet")
    pulumi.up("tailnet")
    write(example, "prod", "acme-prod", DB)
    write(example, "dev", "globex-prod", READER)

    # The first one names a tag that nobody has declared yet: all but its last step is done.
    first = pulumi.up("acme-prod", check=False)
    assert first.code != 0
    assert DEV in first.output
    assert ways(tailnet) == []
    assert engineers(tailnet, "prod") == [], "access is written as a whole, and last"

    pulumi.up("acme-dev")
    assert ways(tailnet) == [WAY]
    assert engineers(tailnet, "dev") == ["group:highflame-sre"]
    pulumi.up("acme-prod")
    assert ways(tailnet) == [WAY], "one grant, of both"
    assert engineers(tailnet, "prod") == ["group:highflame-sre"]
    made = eventually(lambda: len(seen := tailnet.devices(PROD) + tailnet.devices(DEV)) == 2 and seen, 60)
    assert sorted(tuple(device["tags"]) for device in made) == [(DEV,), (PROD,)]
    for stack in ("acme-prod", "acme-dev"):
        pulumi.preview(stack, "--expect-no-changes")

    pulumi.destroy("acme-dev")
    assert ways(tailnet) == [], "shut by one of them"
    assert DEV not in tailnet.policy_text()
    assert PROD in tailnet.policy_text(), "the other's tag is its own"
    assert engineers(tailnet, "prod") == ["group:highflame-sre"]
    assert clusters["globex-prod"].names("services", "-n", "shop") == ["db"]

    pulumi.up("acme-prod")
    assert ways(tailnet) == [], "and not opened again by the other"
    # Whoever still declares it can add nothing until it is taken out; engineers keep their access meanwhile.
    more = '{from: "group:platform", role: view}, {from: "group:highflame-sre"'
    standing = example.file("acme-prod").read_text()
    example.write("acme-prod", standing.replace('{from: "group:highflame-sre"', more))
    refused = pulumi.up("acme-prod", check=False)
    assert refused.code != 0
    assert DEV in refused.output
    assert engineers(tailnet, "prod") == ["group:highflame-sre"]
    example.write("acme-prod", standing.replace("group:highflame-sre", "group:platform"))
    assert pulumi.up("acme-prod", check=False).code != 0
    assert engineers(tailnet, "prod") == [], "who is taken out goes first, whatever is refused then"
    write(example, "prod", "acme-prod", "")
    pulumi.up("acme-prod")
    assert PROD not in tailnet.policy_text()
    eventually(lambda: finalizers(clusters["acme-prod"]) == [])
    assert engineers(tailnet, "prod") == ["group:highflame-sre"]
    pulumi.destroy("acme-prod")
    assert "acme" not in tailnet.policy_text()
