"""The stand-ins under the real engine, on loopback services: made, left alone, refreshed, changed, unmade."""

from __future__ import annotations

import json
import socket
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import httpx
import pytest
import uvicorn
from moto.server import ThreadedMotoServer

from sandbox.tailscale import console
from sandbox.tailscale.app import create_app
from sandbox.tailscale.state import State
from tests.sandbox.pulumi_project import Project, warnings

pytestmark = pytest.mark.engine
REGION = "eu-central-1"
POLICY = '{"tagOwners": {"tag:deployer": ["autogroup:admin"]}}'
SCOPES = ["oauth_keys", "auth_keys", "dns"]
PROGRAM = """
import pulumi, pulumi_aws as aws, pulumi_tailscale as tailscale

client = tailscale.OauthClient("operator", scopes=["auth_keys"], tags=["tag:deployer"], description="a")
rule = aws.vpc.SecurityGroupEgressRule(
    "egress",
    security_group_id="{group}",
    ip_protocol="tcp",
    from_port=443,
    to_port=443,
    cidr_ipv4="{target}",
    description=pulumi.Output.concat("for ", client.id),
)
pulumi.export("id", client.id)
pulumi.export("key", client.key)
pulumi.export("rule", rule.security_group_rule_id)
"""


@dataclass(frozen=True)
class Services:
    """The Tailscale API and moto on loopback, with one security group of the customer's."""

    tailscale: str
    admin_key: str
    client: tuple[str, str]
    aws: str
    group: str

    def key(self, identity: str) -> dict[str, Any]:
        """A key as the Tailscale API serves it."""
        url = f"{self.tailscale}/api/v2/tailnet/-/keys/{identity}"
        return httpx.get(url, auth=(self.admin_key, "")).json()

    def targets(self) -> set[str]:
        """What the security group lets out to."""
        ec2 = ec2_at(self.aws)
        found = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [self.group]}])
        ec2.close()
        return {rule["CidrIpv4"] for rule in found["SecurityGroupRules"] if rule["IsEgress"]}


def ec2_at(url: str) -> Any:
    return boto3.client(
        "ec2", endpoint_url=url, region_name=REGION, aws_access_key_id="made-up", aws_secret_access_key="made-up"
    )


@pytest.fixture(scope="module")
def services() -> Iterator[Services]:
    state = State()
    console.seed(state, POLICY, {"owner@example.com": "owner"})
    client = console.new_oauth_client(state, SCOPES, ["tag:deployer"])
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(create_app(state), log_config=None, timeout_graceful_shutdown=1))
    serving = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    moto = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    serving.start()
    moto.start()
    try:
        aws = f"http://127.0.0.1:{moto.get_host_and_port()[1]}"
        ec2 = ec2_at(aws)
        group = ec2.create_security_group(GroupName="nodes", Description="the customer's")["GroupId"]
        ec2.close()
        tailscale = f"http://127.0.0.1:{listener.getsockname()[1]}"
        yield Services(tailscale, console.new_admin_key(state), client, aws, group)
    finally:
        moto.stop()
        server.should_exit = True
        serving.join()


@pytest.fixture(scope="module")
def project(services: Services, tmp_path_factory: pytest.TempPathFactory) -> Project:
    variables = {
        "TAILSCALE_BASE_URL": services.tailscale,
        "TAILSCALE_OAUTH_CLIENT_ID": services.client[0],
        "TAILSCALE_OAUTH_CLIENT_SECRET": services.client[1],
        "AWS_ENDPOINT_URL": services.aws,
        "AWS_ACCESS_KEY_ID": "made-up",
        "AWS_SECRET_ACCESS_KEY": "made-up",
        "AWS_REGION": REGION,
    }
    return Project(tmp_path_factory.mktemp("lifecycle"), variables)


def test_a_stack_lives_and_dies(project: Project, services: Services) -> None:
    before = services.targets()
    project.program(PROGRAM.format(group=services.group, target="192.200.0.0/24"))

    preview = project.run("preview")
    assert "3 to create" in preview
    assert services.targets() == before

    said = project.up()
    outputs = project.outputs()
    assert not warnings(said)
    assert outputs["key"] not in said + json.dumps(project.state())
    served = services.key(outputs["id"])
    assert (served["scopes"], served["tags"]) == (["auth_keys"], ["tag:deployer"])
    assert services.targets() == before | {"192.200.0.0/24"}

    assert "3 unchanged" in project.up()
    assert "3 unchanged" in project.run("refresh", "--preview-only", "--expect-no-changes")

    project.program(
        PROGRAM.format(group=services.group, target="192.200.1.0/24").replace('description="a"', 'description="b"')
    )
    assert "2 updated" in project.up()
    assert project.outputs() == outputs
    assert services.key(outputs["id"])["description"] == "b"
    assert services.targets() == before | {"192.200.1.0/24"}

    # A destroy runs no program: neither it nor its virtualenv is asked for.
    project.program("raise SystemExit('not to be run')")
    (project.folder / "Pulumi.yaml").write_text(
        (project.folder / "Pulumi.yaml").read_text().replace(sys.prefix, "gone")
    )
    project.run("destroy", "--yes", "--skip-preview")
    project.use_virtualenv(sys.prefix)
    assert services.key(outputs["id"])["invalid"] is True
    assert services.targets() == before
    assert project.state() == []


def test_a_refusal_is_told_in_the_services_words_without_a_traceback(project: Project, services: Services) -> None:
    project.program(
        "import pulumi_tailscale as tailscale\n"
        "tailscale.OauthClient('a', scopes=['auth_keys'], tags=['tag:unheard-of'])\n"
    )
    said = project.up(fails=True)
    assert "error: Failed to create oauth client: " in said
    assert "tag:unheard-of" in said
    assert "Traceback" not in said
    assert "prematurely" not in said
    project.run("destroy", "--yes", "--skip-preview")


def test_credentials_that_are_missing_are_named_at_the_preview(project: Project) -> None:
    project.program("import pulumi_tailscale as tailscale\ntailscale.DnsPreferences('a', magic_dns=True)\n")
    kept = dict(project.variables)
    del project.variables["TAILSCALE_OAUTH_CLIENT_ID"], project.variables["TAILSCALE_OAUTH_CLIENT_SECRET"]
    try:
        said = project.run("preview", fails=True)
    finally:
        project.variables = kept
    assert "tailscale provider credentials are empty" in said
    assert "Traceback" not in said
