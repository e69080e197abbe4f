"""Narrowing comes first and a cut stays cut, whatever fails or runs by itself; others' parts stay and are told."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from sandbox.demo.observe import Tailnet
from sandbox.demo.pulumi import Pulumi
from sandbox.process import Process
from sandbox.world import World
from tests.engine.conftest import Example
from tests.engine.slices import Slices, slices
from tests.providers.policies import ACME, GLOBEX, grant, identity, value
from tests.providers.tailnet_api import WHOLE, put_policy

pytestmark = pytest.mark.engine

NARROW = """config:
  support-access:customer: globex
  support-access:environment: prod
  support-access:cluster:
    context: globex-prod
  support-access:access:
    - from: group:highflame-sre
      role: read-only
"""
WIDE = f"""{NARROW}    - from: group:platform
      role: view
"""
BROKEN_EGRESS = """  support-access:egress:
    - target: aws-security-group
      region: eu-central-1
      securityGroup: sg-0123456789abcdef0
      derp: any443
"""
"""A security group that does not exist."""


def test_a_grant_taken_out_is_gone_although_cluster_and_egress_both_fail(
    world: World, pulumi: Pulumi, example: Example, tailnet: Tailnet
) -> None:
    example.write("tailnet")
    pulumi.up("tailnet")
    example.write("globex-prod", WIDE)
    pulumi.up("globex-prod")
    assert len(tailnet.grants_to("tag:kube-globex-prod")) == 2

    example.write("globex-prod", NARROW + BROKEN_EGRESS)
    server = Process(world.folder, "apiserver-globex-prod")
    server.signal_group(signal.SIGSTOP)
    try:
        failed = pulumi.up("globex-prod", check=False)
    finally:
        server.signal_group(signal.SIGCONT)
    assert failed.code != 0
    assert "sg-0123456789abcdef0" in failed.output
    assert [grant["src"] for grant in tailnet.grants_to("tag:kube-globex-prod")] == [["group:highflame-sre"]]

    example.write("globex-prod", NARROW)
    pulumi.up("globex-prod")
    pulumi.destroy("globex-prod")


@pytest.fixture
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slices]:
    """A stack of the slices alone, up, with the operator online."""
    with slices(tmp_path_factory.mktemp("slices"), WHOLE) as stack:
        stack.declare(identity(ACME).sections, [grant(ACME)], ACME.kube_tag, wait=False)
        stack.project.up()
        yield stack


def destroy(stack: Slices) -> str:
    return stack.project.run("destroy", "--yes", "--skip-preview")


def test_what_was_killed_by_hand_is_not_revived_by_a_scheduled_up(stack: Slices) -> None:
    """A person in the admin console takes the grant out and leaves the mark; the pipeline runs as every night."""
    whole = stack.api.text
    mark = f'"groups": {{\n    // ada@highflame.example, 02:14: the laptop is lost\n    "{ACME.killed_group}": [],'
    put_policy(stack.api, WHOLE.replace('"groups": {', mark))
    killed = stack.api.text
    for command in (("up", "--yes", "--skip-preview"), ("preview",), ("up", "--yes", "--refresh")):
        said = stack.project.run(*command, fails=True)
        assert "acme-prod was cut off" in said
        assert ACME.killed_group in said
        assert stack.api.text == killed

    put_policy(stack.api, WHOLE)
    stack.project.up()
    assert value(stack.api.text) == value(whole)
    destroy(stack)
    assert stack.api.text == WHOLE


def test_of_an_entry_for_two_environments_the_others_part_stays(stack: Slices) -> None:
    both = f'{{"src": ["group:highflame-sre"], "dst": ["{ACME.kube_tag}", "{GLOBEX.kube_tag}"], "ip": ["tcp:443"]}},'
    theirs = both.replace(f'"{ACME.kube_tag}", ', "")
    owner = f'"tagOwners": {{\n    "{GLOBEX.kube_tag}": ["autogroup:admin"],'
    put_policy(
        stack.api,
        stack.api.text.replace('"tagOwners": {', owner).replace('"grants": [', f'"grants": [\n    {both} // by hand'),
    )
    destroy(stack)
    people_wrote = WHOLE.replace('"tagOwners": {', owner).replace(
        '"grants": [', f'"grants": [\n    {theirs} // by hand'
    )
    assert stack.api.text == people_wrote


def test_a_foreign_rule_that_names_a_chain_tag_keeps_the_tag_and_is_told(stack: Slices) -> None:
    rule = f'"grants": [\n    {{"src": ["{ACME.proxy_tag}"], "dst": ["tag:internal"], "ip": ["tcp:443"]}}, // by hand'
    put_policy(stack.api, stack.api.text.replace('"grants": [', rule))
    said = destroy(stack)
    assert f"{ACME.proxy_tag} stays in the policy document" in said
    left = value(stack.api.text)
    assert left["grants"][0]["src"] == [ACME.proxy_tag]
    assert ACME.proxy_tag in left["tagOwners"]
    assert {ACME.kube_tag, ACME.customer_tag} & left["tagOwners"].keys() == set()
