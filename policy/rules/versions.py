"""Operator versions that no stack may install, as far as a release shows which of its features they break.

A copy of what components/versions.py says of charts: what evaluates the program takes nothing from it. A test keeps the
two alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from packaging.version import Version

from policy.seen import Limits, Seen

FIRST, FIRST_UNREAD = Version("1.78.0"), Version("1.105")
NEWEST = Version("1.96.5")
"""The version that the program installs unless a stack names another."""

BROKEN = {
    "oauthSecretVolume": (Version("1.92.0"), Version("1.92.4"), "the chart does not mount the credential's Secret"),
    "oauth": (Version("1.98.0"), Version("1.98.4"), "the operator cannot use its federated identity"),
}
"""By the chart's value that asks for a credential: since and until before which version it does not work."""
LEAST = {"oauth": Version("1.92.3")}


def known_version(seen: Seen, limits: Limits) -> Iterator[str]:
    """A chart or an operator that is too old, unstable, not read yet, or broken for its kind of credential."""
    del limits
    if seen.kind != "Release":
        return
    values: Mapping[str, object] = seen.props.get("values") or {}
    operator = values.get("operatorConfig")
    image = operator.get("image") if isinstance(operator, Mapping) else None
    tag = image.get("tag") if isinstance(image, Mapping) else None
    for what, text in (("chart", seen.props.get("version")), ("operator's image", tag)):
        version = version_in(text)
        if version is None:
            continue
        for problem in _problems(version, values, chart=what == "chart"):
            yield f"the {what} is of version {version}: {problem}."


def version_in(text: object) -> Version | None:
    """The version at the beginning of a chart's version or an image's tag."""
    found = re.match(r"v?([0-9]+\.[0-9]+\.[0-9]+)", text) if isinstance(text, str) else None
    return Version(found[1]) if found else None


def _problems(version: Version, values: Mapping[str, object], *, chart: bool) -> Iterator[str]:
    if version < FIRST:
        yield f"it is older than {FIRST}, the least that this program works with"
    if version >= FIRST_UNREAD:
        yield "nobody has checked yet that it reads AUTH_PROXY"
    if version.minor % 2:
        yield "odd minor versions are unstable builds"
    for value, first in LEAST.items():
        if values.get(value) and version < first:
            yield f"federated identities begin with {first}"
    for value, (since, until, what) in BROKEN.items():
        # The first is a fault of the chart, the second one of the operator itself.
        if values.get(value) and since <= version < until and chart == (value == "oauthSecretVolume"):
            yield f"from {since} until before {until} {what}"
