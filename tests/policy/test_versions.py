"""The policy pack keeps a copy of the table of operator versions: both refuse the same."""

from __future__ import annotations

from typing import Any

import pytest
from packaging.version import Version

from components.settings.operator import OPERATOR_VERSION
from components.versions import FAULTS, FIRST, FIRST_UNREAD, LEAST, Feature, Part, refusals
from policy.rules.versions import NEWEST, known_version
from policy.seen import Seen

BOUNDS = {
    FIRST,
    FIRST_UNREAD,
    *(least.first for least in LEAST),
    *(v for fault in FAULTS for v in (fault.since, fault.until)),
}
AROUND = sorted(
    Version(f"{bound.major}.{minor}.{patch}")
    for bound in BOUNDS
    for minor in (bound.minor - 1, bound.minor)
    for patch in (0, max(bound.micro - 1, 0), bound.micro, bound.micro + 1)
)
VALUES: dict[Feature, dict[str, Any]] = {
    Feature.OAUTH_CLIENT: {"oauthSecretVolume": {"secret": {"secretName": "operator-oauth-1"}}},
    Feature.FEDERATION: {"oauth": {"clientId": "kAbcCNTRL", "audience": "support-access/acme-prod"}},
}


@pytest.mark.parametrize("feature", VALUES, ids=lambda feature: feature.name)
@pytest.mark.parametrize("part", [Part.CHART, Part.OPERATOR], ids=lambda part: part.name)
def test_the_pack_refuses_what_the_settings_refuse(feature: Feature, part: Part) -> None:
    good = str(NEWEST)
    differ = []
    for version in AROUND:
        chart, image = (str(version), good) if part is Part.CHART else (good, str(version))
        values = {**VALUES[feature], "operatorConfig": {"image": {"tag": f"v{image}"}}}
        seen = Seen(
            type="kubernetes:helm.sh/v3:Release",
            name="x",
            stack="acme-prod",
            props={"version": chart, "values": values},
        )
        by_pack = bool(list(known_version(seen, {})))
        by_settings = bool(list(refusals(version, {Feature.EVERY_STACK, feature}, {part})))
        if by_pack is not by_settings:
            differ.append((str(version), by_pack))
    assert len(AROUND) > 50
    assert differ == []


def test_the_newest_that_the_pack_knows_is_what_the_program_installs() -> None:
    assert f"v{NEWEST}" == OPERATOR_VERSION
