"""What is needed and a target's rules cannot open is told by name, whichever target it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest

from components.settings.environment import EnvironmentSettings
from tests.components import test_egress_azure_settings as azure
from tests.components import test_egress_gcp_settings as gcp
from tests.components import test_egress_settings as aws
from tests.components.test_egress_aws import opened

Build = Callable[..., EnvironmentSettings]
NEEDS = {
    "operator": {"images": {name: {"repository": f"10.0.0.5/{name}"} for name in ("operator", "recorder")}},
    "recorder": {
        "storage": {"kind": "s3", "endpoint": "minio.example.com:9000", "bucket": "recordings", "secret": "minio"}
    },
}
PORT, ADDRESS = "minio.example.com:9000", "10.0.0.5:443"


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file with every warning, which the process that registers inherits."""
    path = tmp_path / "said"
    path.touch()

    def warn(text: str) -> None:
        with path.open("a") as file:
            file.write(f"{text}\n")

    monkeypatch.setattr(pulumi.log, "warn", warn)
    return path


@pytest.mark.parametrize(
    ("target", "ends"),
    [
        (aws.GROUP, [PORT]),
        ({**aws.BOUNDED, "derp": ["10.0.0.0/24"]}, [PORT]),
        (aws.BOUNDED, [ADDRESS, PORT]),
        (aws.FIREWALL, [ADDRESS]),
        (aws.DNS, []),
        (gcp.NETWORK, [ADDRESS, PORT]),
        (gcp.BOUNDED, [ADDRESS, PORT]),
        (gcp.POLICY, [ADDRESS, PORT]),
        (gcp.PROXY, [ADDRESS, PORT]),
        (azure.NSG, [ADDRESS, PORT]),
        (azure.BOUNDED, [ADDRESS, PORT]),
        (azure.POLICY, [ADDRESS]),
    ],
    ids=lambda value: value["target"] if isinstance(value, dict) else "",
)
def test_what_a_target_cannot_open_is_told(
    environment: Build, said: Path, target: dict[str, Any], ends: list[str]
) -> None:
    opened(environment(egress=[target], **NEEDS))
    told = [line for line in said.read_text().splitlines() if "does not open" in line]
    assert [line.partition(" does not open ")[2].partition(": it opens")[0] for line in told] == (
        [", ".join(ends)] if ends else []
    )
    assert all(target["target"] in line and "The customer has to." in line for line in told)


def test_nothing_is_told_where_everything_is_opened(environment: Build, said: Path) -> None:
    for targets in (
        [aws.GROUP, aws.FIREWALL, aws.DNS],
        [gcp.NETWORK, gcp.POLICY, gcp.PROXY],
        [azure.NSG, azure.POLICY],
    ):
        opened(environment(egress=targets))
    assert "does not open" not in said.read_text()


BEHIND_A_PROXY = {
    "httpProxy": {"url": "http://10.0.0.9:3128"},
    "images": {"operator": {"repository": "10.0.0.5:5000/operator"}},
}


@pytest.mark.parametrize(
    "target",
    [aws.GROUP, aws.FIREWALL, azure.NSG, azure.POLICY, gcp.NETWORK, gcp.POLICY],
    ids=lambda value: value["target"],
)
def test_a_rule_that_opens_nothing_needed_is_never_made(environment: Build, target: dict[str, Any]) -> None:
    """In Google a rule without names would be for every host."""
    with pytest.raises(pulumi.RunError) as caught:
        opened(environment(egress=[target], operator=BEHIND_A_PROXY))
    assert "support-access:egress[0]\n  It opens nothing that is needed" in str(caught.value)
    assert "does not open 10.0.0.5:5000, 10.0.0.9:3128: it opens" in str(caught.value)
    assert "pulumi config rm" in str(caught.value)
