"""The customers' AWS network in moto: what is there before the program comes.

One VPC, and for each cluster the security group of its nodes, with no egress but one rule of the customer's
own: what the program adds is additive and that rule survives it. Ids follow from names alone, so that stack
files can name them. Dies with moto's process.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Any, TypedDict

import httpx

REGION = "eu-central-1"
ACCESS_KEY_ID, SECRET_ACCESS_KEY = "sandbox", "made-up-and-not-checked"  # moto accepts any


class Network(TypedDict):
    """`security_groups`: cluster name -> id."""

    vpc: str
    security_groups: dict[str, str]


def create_network(endpoint: str, clusters: Iterable[str]) -> Network:
    """Creates the network at the moto server `endpoint`."""
    import boto3  # slow to load, and only the services process needs it

    ec2: Any = boto3.client(
        "ec2",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=ACCESS_KEY_ID,
        aws_secret_access_key=SECRET_ACCESS_KEY,
    )
    _seed(endpoint, "vpc")
    vpc = ec2.create_vpc(CidrBlock="10.64.0.0/16")["Vpc"]["VpcId"]
    groups = {}
    for cluster in clusters:
        _seed(endpoint, cluster)
        name = f"support-access-{cluster}"
        group = ec2.create_security_group(GroupName=name, Description=f"Nodes of {cluster}", VpcId=vpc)["GroupId"]
        found = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]
        ec2.revoke_security_group_egress(GroupId=group, IpPermissions=found["IpPermissionsEgress"])
        database = {"CidrIp": "10.0.0.0/8", "Description": "customer's own"}
        own = {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "IpRanges": [database]}
        ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[own])
        groups[cluster] = group
    return {"vpc": vpc, "security_groups": groups}


def _seed(endpoint: str, name: str) -> None:
    """From here on moto's next ids follow from `name`."""
    seed = zlib.crc32(name.encode())
    httpx.post(f"{endpoint}/moto-api/seed", params={"a": seed}).raise_for_status()
