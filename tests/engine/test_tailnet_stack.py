"""The stack `tailnet` on a tailnet that people have kept by hand for years: what it adds, changes, and gives back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import yaml

from sandbox.demo.observe import Tailnet
from sandbox.demo.pulumi import Pulumi
from sandbox.world import World
from tests.engine.conftest import Example
from tests.engine.levels import deletion_levels

pytestmark = pytest.mark.engine

ADA, GRACE, LIN = "ada@highflame.example", "grace@highflame.example", "lin@highflame.example"
SALT = "v1:8yWvc9JimNI=:v1:7OYx4rO4vf0fNZG4:zVYVF4dV6e6/eCuHOnh9fT5wjPWA6w=="
TOKEN = "made-up-collector-token"

TEAMS = "\n".join(
    f'\t\t"group:team-{number:03}": ["lin@highflame.example"], // asked for in 20{number % 20:02}'
    for number in range(60)
)
BY_HAND = f"""// Kept by hand since long ago. Whoever changes this: keep the reasons beside the rules.
{{
\t"groups": {{
{TEAMS}
\t\t"group:highflame-sre": ["{ADA}", "{GRACE}"], // the very people whom the stack declares
\t}},

\t"postures": {{
\t\t"posture:managed-mac": ["node:os == 'macos'"], /* the laptops */
\t}},

\t"tagOwners": {{
\t\t"tag:support-access-deployer": ["autogroup:admin"],   // the pipeline
\t\t"tag:ci":                      ["group:team-001"],
\t}},

\t"grants": [
\t\t{{"src": ["tag:ci"], "dst": ["tag:ci"], "ip": ["tcp:6379"]}}, // its cache
\t\t{{
\t\t\t"src": ["group:team-001"],
\t\t\t"dst": ["tag:ci"],
\t\t\t"ip":  ["tcp:22"], /* ssh */
\t\t}},
\t],

\t"tests": [
\t\t{{"src": "tag:ci", "deny": ["tag:ci:22"]}},
\t],
}}
"""


def rota(days_ago: int) -> dict[str, Any]:
    """Two people, a week each; the first turn began so many days ago, at midnight UTC."""
    starts = datetime.now(UTC).date() - timedelta(days=days_ago)
    return {"starts": str(starts), "handover": "00:00", "order": [[ADA], [GRACE]]}


def stack(**bent: Any) -> str:
    """The stack's file; what is None is left out."""
    tailnet = {
        "groups": {"group:highflame-sre": [ADA, GRACE]},
        "rotas": {"group:highflame-oncall": rota(3)},
        "postures": {"posture:managed-mac": ["node:os == 'macos'"]},
        "tests": [{"src": "group:highflame-sre", "deny": ["tag:support-access-sentinel:443"]}],
        "networkFlowLogs": True,
        "logs": {
            "configuration": {
                "destination": "splunk",
                "url": "https://logs.example.com/c",
                "tokenVariable": "LOGS_TOKEN",
            },
            "network": {"destination": "s3", "bucket": "example-logs", "region": "eu-central-1"},
        },
        "webhooks": {"security": {"url": "https://hooks.example.com/t", "events": ["policyUpdate", "nodeCreated"]}},
        **bent,
    }
    declared = {name: value for name, value in tailnet.items() if value is not None}
    return yaml.safe_dump({"encryptionsalt": SALT, "config": {"support-access:tailnet": declared}})


class Console:
    """The tailnet as its owner sees and changes it, past the program."""

    def __init__(self, world: World) -> None:
        facts = world.facts["tailscale"]
        self._sandbox = f"{facts['url']}/sandbox/faults"
        self._http = httpx.Client(base_url=f"{facts['url']}/api/v2", auth=(facts["admin_key"], ""), timeout=10)

    def get(self, path: str) -> Any:
        answer = self._http.get(f"/tailnet/-/{path}")
        return None if answer.status_code == httpx.codes.NOT_FOUND else answer.raise_for_status().json()

    def save(self, policy: str) -> None:
        headers = {"Content-Type": "application/hujson"}
        self._http.post("/tailnet/-/acl", content=policy, headers=headers).raise_for_status()

    def faults(self, *faults: dict[str, Any]) -> None:
        """Makes calls fail from now on; without any, they work again."""
        self._http.put(self._sandbox, json=list(faults)).raise_for_status()

    def close(self) -> None:
        self._http.close()


@pytest.fixture(scope="module")
def console(world: World, tailnet: Tailnet) -> Iterator[Console]:
    """The tailnet under a long policy, which is the seed's again at the end."""
    seed = tailnet.policy_text()
    console = Console(world)
    console.save(BY_HAND)
    yield console
    console.save(seed)
    console.close()


@pytest.fixture
def standing(pulumi: Pulumi, example: Example, console: Console) -> Iterator[Pulumi]:
    """The stack as `stack()` declares it, up; gone after the test, and the policy as it was."""
    console.save(BY_HAND)
    pulumi.env["LOGS_TOKEN"] = TOKEN
    example.write("tailnet", stack())
    pulumi.up("tailnet")
    yield pulumi
    pulumi.env["LOGS_TOKEN"] = TOKEN
    console.save(BY_HAND)
    pulumi.destroy("tailnet")


def members(tailnet: Tailnet, group: str) -> list[str]:
    return tailnet.policy()["groups"][group]


def test_a_first_preview_writes_nothing_and_tells_every_entry(
    pulumi: Pulumi, example: Example, tailnet: Tailnet, console: Console
) -> None:
    console.save(BY_HAND)
    example.write("tailnet", stack())
    told = pulumi.preview("tailnet").output
    assert tailnet.policy_text() == BY_HAND
    assert console.get("webhooks")["webhooks"] == []
    assert f'+ groups["group:highflame-oncall"]: ["{ADA}"]' in told
    assert '+ tagOwners["tag:support-access-sentinel"]' in told
    for alike in ('groups["group:highflame-sre"]', 'postures["posture:managed-mac"]', "group:team-"):
        assert alike not in told


def test_open_tailnet_is_closed_by_the_setting_alone_and_the_preview_says_first_what_stops_working(
    pulumi: Pulumi, example: Example, tailnet: Tailnet, console: Console
) -> None:
    opened = BY_HAND[: BY_HAND.index('\t"grants"')] + "}\n"
    console.save(opened)
    for name, text, why in (
        ("tailnet", stack(), "no test that denies can pass"),
        ("acme-prod", None, "acme-prod incl"),
    ):
        example.write(name, text)
        refused = pulumi.preview(name, check=False)
        assert refused.code != 0
        assert why in refused.output
        assert "support-access:tailnet.openPolicy close" in refused.output
        assert "got: Accept" not in refused.output, "explained before the server's own refusal"
    example.remove("acme-prod")
    example.write("tailnet", stack(openPolicy="close"))
    told = pulumi.preview("tailnet").output
    assert 0 < told.index("This change turns the tailnet from open to closed") < told.index("+ groups[")
    assert "+ grants: []" in told
    assert tailnet.policy_text() == opened


def test_a_group_that_people_wrote_otherwise_is_told_before_it_changes(
    pulumi: Pulumi, example: Example, tailnet: Tailnet, console: Console
) -> None:
    by_hand = BY_HAND.replace(f'["{ADA}", "{GRACE}"]', f'["{ADA}", "{LIN}"]')
    console.save(by_hand)
    example.write("tailnet", stack())
    told = pulumi.preview("tailnet").output
    assert f'~ groups["group:highflame-sre"]: ["{ADA}", "{GRACE}"] (gains "{GRACE}"; loses "{LIN}")' in told
    assert tailnet.policy_text() == by_hand


def test_what_people_wrote_is_kept_to_the_byte_and_a_second_up_does_nothing(standing: Pulumi, tailnet: Tailnet) -> None:
    text = tailnet.policy_text()
    lines = iter(text.splitlines())
    assert all(line in lines for line in BY_HAND.splitlines()), "a line is lost, changed or moved"
    assert members(tailnet, "group:highflame-oncall") == [ADA]
    standing.preview("tailnet", "--expect-no-changes")
    standing.up("tailnet", "--expect-no-changes")
    assert tailnet.policy_text() == text


def test_a_handover_puts_the_next_one_in_and_the_outputs_plan_it(
    standing: Pulumi, example: Example, tailnet: Tailnet
) -> None:
    outputs = standing.outputs("tailnet")
    ends = datetime.fromisoformat(outputs["nextHandover"])
    assert timedelta(days=3) < ends - datetime.now(UTC) <= timedelta(days=4)
    assert outputs["onCall"]["group:highflame-oncall"]["now"] == [ADA]
    assert outputs["onCall"]["group:highflame-oncall"]["next"] == [GRACE]

    # A week later is a rotation that began a week earlier: the clock itself cannot be set from outside.
    # The day stands there without quotes, as people write it: the engine hands such a day over as a moment.
    later = stack(rotas={"group:highflame-oncall": rota(3 + 7)})
    example.write("tailnet", re.sub(r"starts: '([0-9-]+)'", r"starts: \1", later))
    told = standing.preview("tailnet").output
    assert f'(gains "{GRACE}"; loses "{ADA}")' in told
    standing.up("tailnet")
    assert members(tailnet, "group:highflame-oncall") == [GRACE]


def test_an_engineer_is_out_everywhere_by_one_edit_even_when_a_collector_fails(
    standing: Pulumi, example: Example, tailnet: Tailnet, console: Console
) -> None:
    elsewhere = {"destination": "splunk", "url": "https://new.example.com", "tokenVariable": "LOGS_TOKEN"}
    example.write("tailnet", stack(revoked=[ADA], logs={"configuration": elsewhere}))
    console.faults({"kind": "status", "method": "PUT", "path": "logging/configuration/stream"})
    failed = standing.up("tailnet", check=False)
    console.faults()
    assert failed.code != 0
    assert "Failed to set logstream configuration" in failed.output
    assert members(tailnet, "group:highflame-sre") == [GRACE]
    assert members(tailnet, "group:highflame-oncall") == []


def test_streams_and_webhooks_are_made_kept_and_ended(standing: Pulumi, example: Example, console: Console) -> None:
    stream = console.get("logging/configuration/stream")
    assert (stream["destinationType"], stream["url"]) == ("splunk", "https://logs.example.com/c")
    assert console.get("settings")["networkFlowLoggingOn"] is True
    (webhook,) = console.get("webhooks")["webhooks"]
    assert webhook["subscriptions"] == ["nodeCreated", "policyUpdate"]  # a set: the provider sorts it

    waiting = standing.outputs("tailnet")["logs"]["network"]
    assert "externalId" in waiting["pending"]
    assert console.get("logging/network/stream") is None
    bucket = {"destination": "s3", "bucket": "example-logs", "region": "eu-central-1"}
    streaming = {"network": bucket | {"roleArn": "arn:aws:iam::123456789012:role/logs"}}
    example.write("tailnet", stack(logs=streaming, webhooks=None))
    standing.up("tailnet")
    assert console.get("logging/network/stream")["s3ExternalId"] == waiting["externalId"]
    assert console.get("logging/configuration/stream") is None
    assert console.get("webhooks")["webhooks"] == []
    standing.preview("tailnet", "--expect-no-changes")


def test_without_the_collectors_token_at_hand_an_update_goes_on_and_keeps_it(
    standing: Pulumi, example: Example, tailnet: Tailnet, console: Console
) -> None:
    del standing.env["LOGS_TOKEN"]
    example.write("tailnet", stack(groups={"group:highflame-sre": [ADA]}))
    told = standing.up("tailnet").output
    assert "LOGS_TOKEN is not set" in told
    assert members(tailnet, "group:highflame-sre") == [ADA]
    assert console.get("logging/configuration/stream")["url"] == "https://logs.example.com/c"
    standing.preview("tailnet", "--expect-no-changes")


def test_no_secret_lies_in_clear_in_state_output_or_transcript(standing: Pulumi) -> None:
    state = json.dumps(standing.export("tailnet"))
    said = "".join(finished.output for finished in standing.transcript)
    assert TOKEN not in state + said
    assert "tskey-" not in state + said
    assert standing.outputs("tailnet")["webhookSecrets"] == "[secret]"


def test_the_guard_goes_first_and_the_policys_entries_last(standing: Pulumi) -> None:
    levels = deletion_levels(standing.export("tailnet"))
    level = {name: number for number, names in enumerate(levels) for name in names}
    order = ["tailnet-guard", "tailnet-logs-configuration-stream", "tailnet-policy", "tailnet-tailnet"]
    assert [level[name] for name in order] == sorted(level[name] for name in order)
    assert levels[0] == ["tailnet-guard"]
    between = {"tailnet-logs-configuration-stream", "tailnet-webhooks-security", "tailnet-dns", "tailnet-settings"}
    assert all(level["tailnet-guard"] < level[name] < level["tailnet-policy"] for name in between)


NEW = {
    "groups": {"group:highflame-new": [ADA]},
    "postures": {"posture:new-mac": ["node:os == 'macos'"]},
    "tests": [{"src": "group:highflame-new", "deny": ["tag:support-access-sentinel:443"]}],
}


def test_while_an_environment_stands_nothing_of_it_goes_and_afterwards_all_does(
    standing: Pulumi, example: Example, tailnet: Tailnet, console: Console
) -> None:
    console.save(BY_HAND)
    example.write("tailnet", stack(**NEW))
    standing.up("tailnet")
    console.save(BY_HAND)  # what `standing` adopted went with the change; people have it back
    standing.up("tailnet")

    environment = '"tag:kube-acme-prod": ["tag:support-access-deployer"], '
    text = tailnet.policy_text()
    with_environment = text.replace('"tag:ci": ', f'{environment}"tag:ci": ', 1)
    console.save(with_environment)
    refused = standing.destroy("tailnet", check=False)
    assert refused.code != 0
    assert "acme-prod" in refused.output
    assert tailnet.policy_text() == with_environment
    assert console.get("logging/configuration/stream") is not None
    assert console.get("webhooks")["webhooks"] != []

    console.save(text)
    standing.destroy("tailnet")
    assert tailnet.policy_text() == BY_HAND
    assert console.get("logging/configuration/stream") is None
    assert console.get("webhooks")["webhooks"] == []
    assert console.get("settings")["networkFlowLoggingOn"] is True
    assert console.get("settings")["httpsEnabled"] is True
    assert console.get("dns/preferences") == {"magicDNS": True}


def test_what_was_adopted_goes_with_the_stack_and_nothing_else_of_peoples_text(
    standing: Pulumi, tailnet: Tailnet
) -> None:
    standing.destroy("tailnet")
    left = tailnet.policy_text().splitlines()
    gone = [line for line in BY_HAND.splitlines() if line not in left]
    assert len(gone) == 2
    assert "group:highflame-sre" in gone[0]
    assert "posture:managed-mac" in gone[1]
