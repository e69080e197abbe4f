"""What ends: an environment, an engineer's access; and what refuses to end."""

from __future__ import annotations

import pytest

from sandbox.demo.observe import Cluster, Tailnet
from sandbox.demo.pulumi import Pulumi
from tests.engine.conftest import Example

pytestmark = pytest.mark.engine


def test_the_shared_stack_stays_while_an_environment_stands_and_goes_after_it(
    pulumi: Pulumi, example: Example, tailnet: Tailnet, clusters: dict[str, Cluster]
) -> None:
    for stack in ("tailnet", "acme-prod"):
        example.write(stack)
        pulumi.up(stack)

    refused = pulumi.destroy("tailnet", check=False)
    assert refused.code != 0
    assert "acme-prod" in refused.output
    assert "group:highflame-sre" in tailnet.policy()["groups"]
    assert tailnet.grants_to("tag:kube-acme-prod")

    pulumi.destroy("acme-prod")
    assert "acme" not in tailnet.policy_text()
    assert not tailnet.keys("tag:kube-acme-prod")
    assert not tailnet.devices("tag:kube-acme-prod")
    assert not clusters["acme-prod"].releases()
    assert "tailscale" not in clusters["acme-prod"].names("namespaces")

    pulumi.destroy("tailnet")
    assert "highflame-sre" not in tailnet.policy_text()
    assert "sentinel" not in tailnet.policy_text()


def test_an_address_taken_out_of_the_group_is_out_everywhere(
    pulumi: Pulumi, example: Example, tailnet: Tailnet
) -> None:
    example.write("tailnet")
    pulumi.up("tailnet")
    assert "grace@highflame.example" in tailnet.policy()["groups"]["group:highflame-sre"]
    text = example.file("tailnet").read_text()
    example.file("tailnet").write_text(text.replace("        - grace@highflame.example\n", ""))
    pulumi.up("tailnet")
    assert tailnet.policy()["groups"]["group:highflame-sre"] == ["ada@highflame.example"]
    assert "grace@highflame.example" not in tailnet.policy_text()
