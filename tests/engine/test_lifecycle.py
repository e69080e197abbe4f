"""An environment that stands: what it holds, in which order it would go, and that looking again changes nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from components.manifests.record import NAME as RECORD
from sandbox.demo.observe import Cluster, Tailnet
from sandbox.demo.pulumi import Pulumi
from tests.engine.before import NEW, SHAPE, as_of_before, shape
from tests.engine.conftest import OURS, SEED, Example
from tests.engine.levels import deletion_levels

pytestmark = pytest.mark.engine

RULE = "acme-prod-egress-sg-3fc087c77ebd29333-tcp-0.0.0.0/0"


@pytest.fixture(scope="module", autouse=True)
def standing(pulumi: Pulumi, example: Example) -> None:
    for stack in ("tailnet", "acme-prod"):
        example.write(stack)
        pulumi.up(stack)


def test_it_would_go_in_the_order_that_the_kill_asks_for(pulumi: Pulumi) -> None:
    levels = deletion_levels(pulumi.export("acme-prod"))
    level = {name: number for number, names in enumerate(levels) for name in names}
    order = [
        ["acme-prod-access"],
        ["acme-prod-enrolment"],
        ["acme-prod-record"],
        [
            "acme-prod-ceiling-binding",
            "acme-prod-ceiling-role",
            "acme-prod-roles-highflame-sre",
            "acme-prod-roles-read-only",
        ],
        ["acme-prod-credential-1"],
        ["acme-prod-credential-proof"],
        ["acme-prod-client-1"],
        ["acme-prod-cleanup"],
        ["acme-prod-operator-release"],
        ["acme-prod-operator-namespace"],
        ["acme-prod-repair"],
        [RULE, "acme-prod-cluster"],
        ["acme-prod-identity"],
    ]
    for names in order:
        assert len({level[name] for name in names}) == 1, names
    assert [level[names[0]] for names in order] == sorted(level[names[0]] for names in order)
    assert len({level[names[0]] for names in order}) == len(order), levels
    expected = {name for names in order for name in names}
    providers = {
        name
        for name in level
        if name.removeprefix("acme-prod-") in ("tailnet", "tailscale", "kubernetes", "egress-aws-eu-central-1")
    }
    assert level.keys() == expected | providers


def test_looking_again_finds_nothing_to_do(pulumi: Pulumi) -> None:
    pulumi.preview("acme-prod", "--expect-no-changes")
    pulumi.preview("tailnet", "--expect-no-changes")


def test_a_refresh_sees_no_drift(pulumi: Pulumi) -> None:
    pulumi.run("refresh", "-s", "acme-prod", "--preview-only", "--expect-no-changes")


def test_no_credential_lies_in_clear_in_the_state(pulumi: Pulumi) -> None:
    state = json.dumps(pulumi.export("acme-prod"))
    assert "tskey-" not in state
    assert pulumi.env["TAILSCALE_OAUTH_CLIENT_SECRET"] not in state


def test_nothing_at_all_is_protected_or_replaced(pulumi: Pulumi) -> None:
    rows = pulumi.export("acme-prod")["deployment"]["resources"]
    assert not [row["urn"] for row in rows if row.get("protect") or row.get("pendingReplacement")]


def test_suspended_access_is_off_with_the_installation_untouched_and_comes_back(
    pulumi: Pulumi, example: Example, tailnet: Tailnet
) -> None:
    standing, device = tailnet.policy(), tailnet.devices("tag:kube-acme-prod")
    active = example.file("acme-prod").read_text()
    example.write("acme-prod", active.replace("config:\n", "config:\n  support-access:suspended: true\n"))
    steps = json.loads(pulumi.preview("acme-prod", "--json").output)["steps"]
    changed = {step["urn"].rpartition("::")[2] for step in steps if step["op"] != "same"}
    assert changed == {"acme-prod-identity", "acme-prod-access"}, "no object in the cluster changes"

    pulumi.up("acme-prod")
    assert not tailnet.grants_to("tag:kube-acme-prod")
    assert tailnet.policy() == {**standing, "grants": [grant for grant in standing["grants"] if not to_acme(grant)]}
    assert [row["nodeId"] for row in tailnet.devices("tag:kube-acme-prod")] == [row["nodeId"] for row in device]
    outputs = pulumi.outputs("acme-prod")
    assert [entry["suspended"] for entry in outputs["access"]] == [True]
    assert "suspended" in outputs["pending"][0]
    pulumi.run("refresh", "-s", "acme-prod", "--yes", "--skip-preview")
    pulumi.preview("acme-prod", "--expect-no-changes")

    example.write("acme-prod", active)
    pulumi.up("acme-prod")
    assert tailnet.policy() == standing
    assert pulumi.outputs("acme-prod")["pending"] == []


def to_acme(grant: dict[str, Any]) -> bool:
    return "tag:kube-acme-prod" in grant["dst"]


def test_the_document_keeps_every_line_that_people_wrote(tailnet: Tailnet) -> None:
    lines = iter(tailnet.policy_text().splitlines())
    assert all(line in lines for line in SEED.splitlines()), "a line is lost, changed or moved"


def test_a_state_of_the_previous_version_is_updated_without_replacement(
    pulumi: Pulumi, clusters: dict[str, Cluster], tmp_path: Path
) -> None:
    """In the cluster, too, is nothing that there has been since."""
    before = as_of_before(pulumi.export("acme-prod"))
    assert shape(before) == SHAPE
    file = tmp_path / "state.json"
    file.write_text(json.dumps(before))
    pulumi.run("stack", "import", "-s", "acme-prod", "--file", str(file))
    kinds = ("clusterroles", "clusterrolebindings")
    for kind in kinds:
        for name in clusters["acme-prod"].names(kind, "-l", OURS):
            patch = '[{"op": "remove", "path": "/metadata/ownerReferences"}]'
            clusters["acme-prod"].kubectl("patch", kind, name, "--type=json", "-p", patch)

    clusters["acme-prod"].kubectl("delete", "configmap", RECORD, "-n", "tailscale")

    steps = json.loads(pulumi.preview("acme-prod", "--json").output)["steps"]
    changed = {step["urn"].rpartition("::")[2]: step["op"] for step in steps if step["op"] != "same"}
    assert {*changed.values()} == {"create", "update"}, changed
    assert sorted(name for name, op in changed.items() if op == "create") == sorted(NEW)
    pulumi.up("acme-prod")
    pulumi.preview("acme-prod", "--expect-no-changes")
    state = pulumi.export("acme-prod")
    assert "deleteUnreachable" not in json.dumps(state)
    for kind in kinds:
        for each in clusters["acme-prod"].get(kind, "-l", OURS):
            assert [owner["kind"] for owner in each["metadata"]["ownerReferences"]] == ["Namespace"]
