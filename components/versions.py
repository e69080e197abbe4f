"""Operator versions: which one a feature needs at least, which ones are known to be broken, and the nearest good one.

Owns the one table, as data with a public link for each entry: a rule here is a fact about the operator, its chart or
its images, read in their source or their issue tracker. Does not own where a stack names its versions, nor the
messages (settings/version_checks.py). The policy pack keeps what it can see of a release in policy/rules/versions.py;
a test compares the two.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from packaging.version import Version

FIRST_UNREAD = Version("1.105")
"""The first version whose source was not read: this program relies on AUTH_PROXY, which v1.104.7 reads."""

FIRST = Version("1.78.0")
"""The first chart that reads the credential from a Secret that it does not make (`oauthSecretVolume`)."""

NEWEST_OF_EACH_MINOR = tuple(
    map(
        Version,
        (
            *("1.78.3", "1.80.3", "1.82.5", "1.84.3", "1.86.5", "1.88.4", "1.90.9", "1.92.5"),
            *("1.94.2", "1.96.5", "1.98.10", "1.100.0", "1.102.5", "1.104.7"),
        ),
    )
)
"""What a message may suggest: the newest release of each stable minor version known in December 2026."""

ISSUES, PULLS = "https://github.com/tailscale/tailscale/issues", "https://github.com/tailscale/tailscale/pull"
UNSTABLE_BUILDS = "https://pkgs.tailscale.com/unstable/"
API_PROXY_SOURCE = "https://github.com/tailscale/tailscale/blob/main/cmd/k8s-operator/api-server-proxy.go"


class Feature(StrEnum):
    """What a stack uses, by the setting that asks for it."""

    EVERY_STACK = "every stack"
    OAUTH_CLIENT = "an OAuth client as credential (no credential.federation)"
    FEDERATION = "credential.federation"
    API_REPLICAS = "operator.apiServerProxy.replicas"
    POD_PRIORITY = "operator.pod.priorityClassName"
    PROXY_PRIORITY = "operator.proxyPods.priorityClassName"
    INGRESS = "expose, kind ingress"
    RECORDER = "recorder"
    RECORDER_EVENTS = "recorder.events"


class Part(StrEnum):
    """What has a version of its own, by its setting."""

    OPERATOR = "operator.version"
    CHART = "operator.chart.version"
    OPERATOR_IMAGE = "operator.images.operator.tag"
    PROXY = "operator.images.proxy.tag"
    API_PROXY = "operator.images.k8sProxy.tag"
    RECORDER = "operator.images.recorder.tag"
    NAME_SERVER = "operator.images.nameserver.tag"


INSTALLED = frozenset({Part.OPERATOR, Part.CHART})


@dataclass(frozen=True, kw_only=True, slots=True)
class Least:
    """feature works from version `first` on. before: what is wrong with an older one. parts: whose version is meant."""

    feature: Feature
    first: Version
    before: str
    link: str
    parts: frozenset[Part] = INSTALLED


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """From version `since` until before `until` feature is broken: `what`.

    refused: whether such a version may not be used with the feature; otherwise the preview warns.
    """

    feature: Feature
    since: Version
    until: Version
    what: str
    link: str
    parts: frozenset[Part] = INSTALLED
    refused: bool = True

    def __contains__(self, version: Version) -> bool:
        return self.since <= version < self.until


LEAST = (
    Least(
        feature=Feature.EVERY_STACK,
        first=FIRST,
        before="the chart reads no credential from a Secret that it does not make",
        link=f"{PULLS}/14264",
    ),
    Least(
        feature=Feature.API_REPLICAS,
        first=Version("1.86.0"),
        before="there is no ProxyGroup of type kube-apiserver",
        link=f"{PULLS}/16266",
        parts=INSTALLED | {Part.API_PROXY},
    ),
    Least(
        feature=Feature.PROXY_PRIORITY,
        first=Version("1.88.0"),
        before="a ProxyClass has no priority class",
        link=f"{PULLS}/16685",
    ),
    Least(
        feature=Feature.RECORDER,
        first=Version("1.88.0"),
        before="kubectl attach and kubectl debug are not recorded",
        link=f"{ISSUES}/16490",
    ),
    Least(
        feature=Feature.FEDERATION,
        first=Version("1.92.3"),
        before="the operator knows no credential but a Secret",
        link="https://tailscale.com/docs/features/kubernetes-operator",
    ),
    Least(
        feature=Feature.RECORDER_EVENTS,
        first=Version("1.94.1"),
        before="a grant cannot ask for API requests to be recorded",
        link=f"{PULLS}/18393",
    ),
    Least(
        feature=Feature.POD_PRIORITY,
        first=Version("1.98.0"),
        before="the chart has no priority class for the operator's pod",
        link=f"{PULLS}/19236",
        parts=frozenset({Part.CHART}),
    ),
)

FAULTS = (
    Fault(
        feature=Feature.API_REPLICAS,
        since=Version("1.86.0"),
        until=Version("1.86.5"),
        what="the proxies cannot resolve their own name, so no request reaches the API server",
        link=f"{ISSUES}/16920",
        parts=INSTALLED | {Part.API_PROXY},
    ),
    Fault(
        feature=Feature.OAUTH_CLIENT,
        since=Version("1.92.0"),
        until=Version("1.92.4"),
        what="the chart does not mount the credential's Secret, and the operator ends at every start",
        link=f"{ISSUES}/18228",
        parts=frozenset({Part.CHART}),
    ),
    Fault(
        feature=Feature.FEDERATION,
        since=Version("1.98.0"),
        until=Version("1.98.4"),
        what='Tailscale refuses the operator\'s token: "invalid JWT format"',
        link=f"{ISSUES}/19844",
        parts=frozenset({Part.OPERATOR}),
    ),
    Fault(
        feature=Feature.RECORDER,
        since=Version("1.88.0"),
        until=Version("1.98.0"),
        what="frames of exec sessions over WebSocket are lost, so a recording may be incomplete",
        link=f"{PULLS}/19227",
        parts=frozenset({Part.OPERATOR}),
        refused=False,
    ),
    Fault(
        feature=Feature.RECORDER,
        since=Version("1.88.0"),
        until=Version("1.102.4"),
        what="a recorded exec session ends when much is piped into it",
        link=f"{PULLS}/20659",
        parts=frozenset({Part.OPERATOR}),
        refused=False,
    ),
    Fault(
        feature=Feature.INGRESS,
        since=Version("1.96.0"),
        until=Version("1.100.0"),
        what="an Ingress cannot reach a Service whose ClusterIP is an IPv6 address",
        link=f"{ISSUES}/19338",
        parts=frozenset({Part.OPERATOR}),
        refused=False,
    ),
)


def version_in(text: object) -> Version | None:
    """The version at the beginning of a tag, a chart's version or what a client reports (`1.96.5-t0a1b2c3d4-g...`)."""
    found = re.match(r"v?([0-9]{1,4}\.[0-9]{1,4}\.[0-9]{1,4})(?![0-9.])", text) if isinstance(text, str) else None
    return Version(found[1]) if found else None


def tag(version: Version) -> str:
    """`v1.96.5`, as images are tagged."""
    return f"v{version}"


class Refusal(NamedTuple):
    """why: in a sentence, with its link. feature: without which the version could be used."""

    why: str
    feature: Feature


def refusals(version: Version, features: Collection[Feature], parts: Collection[Part]) -> Iterator[Refusal]:
    """Why these parts cannot be of this version with these features."""
    if version >= FIRST_UNREAD and not INSTALLED.isdisjoint(parts):
        yield Refusal(
            f"It is newer than {tag(NEWEST_OF_EACH_MINOR[-1])}: whether later operators still read AUTH_PROXY, which"
            " serves the API without the chart's role that may impersonate anybody, was not checked"
            f" ({API_PROXY_SOURCE}).",
            Feature.EVERY_STACK,
        )
    if version.minor % 2:
        yield Refusal(f"Odd minor versions are unstable builds ({UNSTABLE_BUILDS}).", Feature.EVERY_STACK)
    for least in LEAST:
        if least.feature in features and not least.parts.isdisjoint(parts) and version < least.first:
            yield Refusal(
                f"It is older than {tag(least.first)}, the least for {least.feature}: before that {least.before}"
                f" ({least.link}).",
                least.feature,
            )
    for fault in FAULTS:
        if fault.refused and fault.feature in features and not fault.parts.isdisjoint(parts) and version in fault:
            yield Refusal(
                f"From {tag(fault.since)} until before {tag(fault.until)}, with {fault.feature}, {fault.what}"
                f" ({fault.link}).",
                fault.feature,
            )


def tolerated(version: Version, features: Collection[Feature]) -> Iterator[Fault]:
    """Known faults of this operator in what the features do, with which it may be used all the same."""
    for fault in FAULTS:
        if not fault.refused and fault.feature in features and version in fault:
            yield fault


def is_good(version: Version, features: Collection[Feature]) -> bool:
    """Whether every part may be of this version."""
    return not any(True for _ in refusals(version, features, frozenset(Part)))


def nearest_good(version: Version, features: Collection[Feature]) -> Version:
    """The first release of at least this version that `is_good` for these features; the newest where there is none."""
    good = [release for release in NEWEST_OF_EACH_MINOR if is_good(release, features)]
    return next((release for release in good if release >= version), good[-1])
