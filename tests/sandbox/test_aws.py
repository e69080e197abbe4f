"""The customers' network in moto: known beforehand, closed, with one rule of the customer's own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import httpx
import pytest
from moto.server import ThreadedMotoServer

from sandbox import aws, ports


@pytest.fixture
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ports.LOOPBACK, 0, verbose=False)
    server.start()
    url = "http://{}:{}".format(*server.get_host_and_port())
    reset(url)  # moto keeps its state in the process, not in the server
    yield url
    server.stop()


def reset(endpoint: str) -> None:
    httpx.post(f"{endpoint}/moto-api/reset").raise_for_status()


def client(endpoint: str) -> Any:
    return boto3.client(
        "ec2",
        endpoint_url=endpoint,
        region_name=aws.REGION,
        aws_access_key_id=aws.ACCESS_KEY_ID,
        aws_secret_access_key=aws.SECRET_ACCESS_KEY,
    )


def test_ids_follow_from_names_whatever_else_there_is(endpoint: str) -> None:
    both = aws.create_network(endpoint, ["acme-prod", "globex-prod"])["security_groups"]
    reset(endpoint)
    client(endpoint).create_vpc(CidrBlock="10.0.0.0/16")  # draws ids
    assert aws.create_network(endpoint, ["globex-prod"])["security_groups"]["globex-prod"] == both["globex-prod"]
    assert both["acme-prod"] != both["globex-prod"]


def test_a_security_group_lets_out_only_what_the_customer_allowed(endpoint: str) -> None:
    group = aws.create_network(endpoint, ["acme-prod"])["security_groups"]["acme-prod"]
    described = client(endpoint).describe_security_groups(GroupIds=[group])["SecurityGroups"][0]
    assert described["GroupName"] == "support-access-acme-prod"
    assert described["IpPermissions"] == []
    (rule,) = described["IpPermissionsEgress"]
    assert (rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) == ("tcp", 5432, 5432)
    assert rule["IpRanges"] == [{"CidrIp": "10.0.0.0/8", "Description": "customer's own"}]
