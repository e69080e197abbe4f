"""What the program itself makes passes the pack: each feature with the limits that it asks for, and with no others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from components.settings.environment import EnvironmentSettings
from components.settings.tailnet import TailnetSettings
from components.support_access import SupportAccess, SupportAccessArgs
from components.tailnet_base import TailnetBase, TailnetBaseArgs
from policy.catalogue import CATALOGUE
from policy.seen import Seen
from tests.components.conftest import LEAST
from tests.components.exposing import ALL, CONNECTOR, LOCAL
from tests.components.registered import Registered, registered
from tests.components.test_egress_azure_settings import NSG
from tests.components.test_egress_azure_settings import POLICY as AZURE_POLICY
from tests.components.test_egress_gcp_settings import NETWORK as GCP_NETWORK
from tests.components.test_egress_gcp_settings import POLICY as GCP_POLICY
from tests.components.test_egress_gcp_settings import PROXY, REGIONAL
from tests.components.test_egress_settings import DNS, FIREWALL, GROUP
from tests.components.test_modes_declared import AVAILABLE
from tests.components.test_tailnet_base import NOW

Limits = Mapping[str, Mapping[str, Any]]

EXIT = {key: value for key, value in CONNECTOR.items() if key != "routes"} | {
    "name": "exit",
    "exitNode": {"reason": "the licence server only admits the customer's address"},
}
EXPOSED: dict[str, Any] = {
    "expose": [*ALL, EXIT],
    "recorder": {"storage": LOCAL},
    "credential": {"acknowledge": ["devices:core"]},
}
OUTSIDE = [
    "Service data/postgres",
    "Service data/reports",
    "Service data/artifacts",
    "Ingress studio/support-access-studio",
    "ServiceAccount jobs/support-access-worker",
    "Secret jobs/support-access-worker",
    "Secret jobs/support-access-worker-state",
    "Role jobs/support-access-worker",
    "RoleBinding jobs/support-access-worker",
]
ASKED: Limits = {"own-namespace": {"outside": OUTSIDE}, "scopes-least": {"scopes": ["devices:core"]}}


def made(**settings: Any) -> Registered:
    declared = EnvironmentSettings.model_validate({**LEAST, **settings})
    return registered(SupportAccess, declared.names.name, SupportAccessArgs(settings=declared))


def broken(seen: Registered, limits: Limits, stack: str = "acme-prod") -> list[str]:
    return [
        f"{entry.name}, {name}: {problem}"
        for name, row in seen.rows.items()
        for entry in CATALOGUE
        if entry.level == "mandatory"
        for problem in entry.rule(
            Seen(
                type=row.type,
                name=name,
                stack=stack,
                props=row.inputs,
                secret_outputs=tuple(row.secrets),
                protected=row.protected,
                ignored=tuple(row.ignored),
            ),
            limits.get(entry.name, {}),
        )
    ]


@pytest.mark.parametrize(
    ("settings", "limits"),
    [
        ({}, {}),
        (AVAILABLE, {"scopes-least": {"scopes": ["devices:core", "services"]}}),
        (EXPOSED, ASKED),
        ({"egress": [GROUP, FIREWALL, DNS]}, {}),
        ({"egress": [GCP_NETWORK, GCP_POLICY, REGIONAL, PROXY]}, {}),
        ({"egress": [AZURE_POLICY, NSG]}, {}),
    ],
    ids=["least", "available", "exposed", "aws", "gcp", "azure"],
)
def test_an_environment_passes(settings: dict[str, Any], limits: Limits) -> None:
    assert broken(made(**settings), limits) == []


def test_without_its_limits_every_exposure_outside_of_the_namespace_is_told() -> None:
    said = broken(made(**EXPOSED), {})
    for place in OUTSIDE:
        assert any(f"{place} is outside of" in line for line in said), place
    assert any("scope devices:core is not agreed" in line for line in said)


def test_the_tailnets_own_stack_passes_as_what_it_is() -> None:
    base: Callable[..., object] = TailnetBase
    declared = TailnetSettings.model_validate({"groups": {"group:sre": ["ada@example.com"]}, "magicDns": True})
    seen = registered(base, "tailnet", TailnetBaseArgs(settings=declared, now=NOW))
    assert broken(seen, {"known-kinds": {"tailnet": True}}, "tailnet") == []
    assert any("known-kinds" in line for line in broken(seen, {}, "tailnet"))
    assert any("grants-narrow" in line for line in broken(seen, {"known-kinds": {"tailnet": True}}))
