"""Observation: what really is there, asked of each service itself and of nothing that the program said.

Owns read-only questions to the Tailscale API, the clusters and the cloud. Changes nothing, keeps nothing.
"""

from __future__ import annotations

import difflib
import json
import subprocess
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import boto3
import httpx


@dataclass(frozen=True)
class Tailnet:
    """The Tailscale API, with a key that may read everything. url: base; key: an API key."""

    url: str
    key: str

    @cached_property
    def _http(self) -> httpx.Client:
        return httpx.Client(base_url=f"{self.url}/api/v2", auth=(self.key, ""), timeout=10)

    def policy_text(self) -> str:
        return self._get("/tailnet/-/acl", accept="application/hujson").text

    def policy(self) -> dict[str, Any]:
        return self._get("/tailnet/-/acl").json()

    def grants_to(self, tag: str) -> list[dict[str, Any]]:
        return [grant for grant in self.policy().get("grants", []) if tag in grant["dst"]]

    def keys(self, tag: str) -> list[dict[str, Any]]:
        """Credentials of every kind that carry the tag and are still good."""
        rows = self._get("/tailnet/-/keys", all="true").json()["keys"]
        return [row for row in rows if tag in row.get("tags", []) and not row.get("invalid")]

    def devices(self, tag: str) -> list[dict[str, Any]]:
        return self._get("/tailnet/-/devices", tags=tag, fields="all").json()["devices"]

    def services(self) -> list[dict[str, Any]]:
        """Tailscale Services of the tailnet."""
        return self._get("/tailnet/-/vip-services").json()["vipServices"]

    def _get(self, path: str, accept: str = "application/json", **query: str) -> httpx.Response:
        return self._http.get(path, params=query, headers={"Accept": accept}).raise_for_status()

    def close(self) -> None:
        self._http.close()


@dataclass(frozen=True)
class Cluster:
    """One cluster through the real kubectl and helm, as its administrator."""

    context: str
    env: dict[str, str]

    def get(self, kind: str, *words: str) -> list[dict[str, Any]]:
        """Objects of a kind; empty when there are none, or when the cluster does not know the kind."""
        return json.loads(self.kubectl("get", kind, *words, "-o", "json"))["items"]

    def names(self, kind: str, *words: str) -> list[str]:
        return sorted(item["metadata"]["name"] for item in self.get(kind, *words))

    def releases(self) -> list[str]:
        rows = json.loads(self.helm("list", "-A", "-a", "-o", "json"))
        return [f"{row['name']} {row['app_version']} r{row['revision']}" for row in rows]

    def helm(self, *words: str) -> str:
        return self._run(["helm", "--kube-context", self.context, *words])

    def kubectl(self, *words: str) -> str:
        return self._run(["kubectl", "--context", self.context, *words])

    def _run(self, command: list[str]) -> str:
        return subprocess.run(command, env=self.env, check=True, capture_output=True, text=True).stdout


@dataclass(frozen=True)
class SecurityGroup:
    """One security group in the customer's cloud."""

    group: str
    url: str
    region: str

    def rules(self) -> list[str]:
        """Every rule as a line, inbound and outbound, in a stable order."""
        ec2 = boto3.client(
            "ec2",
            endpoint_url=self.url,
            region_name=self.region,
            aws_access_key_id="observer",
            aws_secret_access_key="observer",  # noqa: S106 - the stand-in takes any; nothing is signed for real
        )
        rows = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [self.group]}])
        return sorted(
            f"{'out' if row['IsEgress'] else 'IN'} {row['IpProtocol']}/{row.get('FromPort')} "
            f"{row.get('CidrIpv4') or row.get('CidrIpv6')} ({row.get('Description', '')})"
            for row in rows["SecurityGroupRules"]
        )


def added_and_removed(before: str, after: str) -> tuple[list[str], list[str]]:
    """Lines that came and lines that went between two texts."""
    lines = list(difflib.ndiff(before.splitlines(), after.splitlines()))
    return (
        [line[2:] for line in lines if line.startswith("+ ")],
        [line[2:] for line in lines if line.startswith("- ")],
    )
