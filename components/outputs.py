"""What a stack tells: its outputs, and what whoever reads a preview must know.

Owns the words and the names. Makes nothing and decides nothing; what it tells of is made elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pulumi

from components.cluster.sidecar import Sidecar
from components.egress.destinations import Needs, allowlist
from components.egress.target import Target
from components.exposed import exposed
from components.features import impersonators
from components.settings.access import Access
from components.settings.environment import Delivery, EnvironmentSettings
from components.settings.federation import id_wanted
from components.settings.problems import config_key, set_command
from components.settings.role import Role
from components.settings.version_checks import used_features
from components.tailnet.operator_credential import OperatorCredential
from components.versions import Feature, nearest_good, tag, tolerated, version_in
from providers.tailnet.resources import Enrollment, PolicySlice

RECORDER_DOCUMENTATION = "https://tailscale.com/docs/kubernetes-operator/recorder"


def outputs(
    settings: EnvironmentSettings,
    *,
    own: OperatorCredential,
    enrolment: Enrollment,
    access: PolicySlice,
    served: pulumi.Output[str | None],
    users: list[str],
    required: Needs,
    egress: list[Target],
    sidecars: list[Sidecar],
) -> dict[str, Any]:
    """All outputs by name. own: the operator's credential. served: where the API answers. users: whom the operator may
    impersonate. required: what the features dial."""
    found: dict[str, Any] = {
        "access": [who_gets_in(entry, suspended=settings.suspended) for entry in settings.access],
        "ceiling": {
            "groups": sorted({entry.impersonate for entry in settings.access if entry.impersonate is not None}),
            "users": users,
            **({"anyUser": settings.any_user.reason} if settings.any_user else {}),
        }
        if impersonators(settings)
        else {"groups": [], "users": []},
        "tags": {"operator": settings.names.operator_tags, "proxies": settings.names.tags.proxy_tag},
        "credential": own.outputs,
        "apiUrl": served,
        "kubeconfigCommand": served.apply(
            lambda url: f"tailscale configure kubeconfig {url.removeprefix('https://')}" if url else None
        ),
        "kubeconfig": served.apply(lambda url: kubeconfig(settings, url) if url else None),
        "images": {name: pin.reference for name, pin in settings.operator.pins.items()},
        "requiredEgress": allowlist(required),
        "egress": [target.handoff for target in egress],
        "exposures": exposed(settings),
        "sidecars": [sidecar.handoff for sidecar in sidecars],
        "pending": pulumi.Output.all(enrolment.status, enrolment.reason, access.status, own.resource.id).apply(
            lambda found: pending(
                found[0],
                found[2],
                reason=found[1],
                suspended=settings.suspended,
                wanted=wanted_id(settings, found[3]),
            )
        ),
    }
    if settings.delivery is Delivery.HANDOFF:
        # Of the same update as the credential below: by it a handoff tells whether the file has moved on since.
        found["declared"] = settings.declared
        if own.secret is not None:
            # The one thing that the customer cannot make: handed over on a way of its own, never in clear.
            found["operatorCredential"] = pulumi.Output.secret(own.secret)
    return found


def kubeconfig(settings: EnvironmentSettings, url: str) -> str:
    """The file that `kubeconfigCommand` would write, for clients in which it fails. It holds no secret: who calls is
    known from the connection, and kubectl asks for a password only where there is no token at all.

    In JSON, which every reader of kubeconfigs takes. Where nobody is impersonated the engineer adds the customer's own
    credential as the user.
    """
    name = url.removeprefix("https://")
    impersonates = settings.operator.api_server_proxy.impersonates
    user = {"name": "tailscale-auth", "user": {"token": "unused"}}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": url}}],
        "users": [user] if impersonates else [],
        "contexts": [{"name": name, "context": {"cluster": name, **({"user": user["name"]} if impersonates else {})}}],
        "current-context": name,
    }
    return json.dumps(content, indent=2) + "\n"


def notices(settings: EnvironmentSettings) -> list[str]:
    """What whoever reads the preview must know of access that is not as the stack's file reads at first sight."""
    over = [
        f"The access of {entry.source} as {entry.role} was until {entry.until}: it counts as not declared and goes."
        " Take the entry out of support-access:access."
        for entry in settings.lapsed
    ]
    anybody = (
        [
            "The operator may impersonate any user of the cluster, a controller too (support-access:anyUser:"
            f" {settings.any_user.reason})."
        ]
        if settings.any_user is not None
        else []
    )
    return [*over, *anybody, *_of_the_recorder(settings), *_of_the_version(settings)]


def _of_the_recorder(settings: EnvironmentSettings) -> Iterator[str]:
    if settings.recorder is not None:
        yield (
            "support-access:recorder uses tsrecorder, which is deprecated: Tailscale does not offer it to new tailnets"
            f" and ends its support in August 2027 ({RECORDER_DOCUMENTATION}). In a tailnet without it no recorder is"
            " found, and then the API proxy refuses every request. docs/exposures.md says what to use instead: the"
            " cluster's audit log, or Tailscale PAM."
        )


def _of_the_version(settings: EnvironmentSettings) -> Iterator[str]:
    """Known faults that do not keep this version from being used. In a managed delivery the preflight check sees
    whether a Service behind an Ingress has an IPv6 address; in a handoff nobody does."""
    features = used_features(settings.declared)
    version = version_in(settings.operator.version)
    for fault in tolerated(version, features) if version else ():
        if fault.feature is Feature.INGRESS and settings.delivery is Delivery.MANAGED:
            continue
        key = ("operator", "version")
        good = tag(nearest_good(fault.until, features))
        yield (
            f"{config_key(key)} is {settings.operator.version}. Before {tag(fault.until)}, {fault.what} ({fault.link})."
            f" Fix: {set_command(settings.names.name, key, good)}"
        )


def who_gets_in(entry: Access, *, suspended: bool = False) -> dict[str, Any]:
    """One access entry in plain data: `from` where, `as` which Kubernetes group or user, `role`, device `posture`. Who
    brings a credential of their own is nobody by us.

    While the access is suspended also `suspended`: true, for it lets nobody in.
    """
    return {
        "from": entry.source,
        "as": {} if entry.role is Role.OWN_CREDENTIAL else {entry.subject.kind.lower(): entry.subject.name},
        "role": entry.role.value,
        "posture": list(entry.posture or ()),
        **entry.bounds,
        **({"suspended": True} if suspended else {}),
    }


def wanted_id(settings: EnvironmentSettings, made: str) -> str | None:
    """What to do with the id of a federated identity while the settings do not hold it; else None."""
    federation = settings.credential.federation
    if federation is None or federation.client_id is not None:
        return None
    return id_wanted(settings.names.name, made)


def pending(
    enrolment: str, access: str, *, suspended: bool, wanted: str | None = None, reason: str | None = None
) -> list[str]:
    """What still has to happen before engineers get in, in words; empty when nothing is. wanted: see wanted_id. reason:
    why nobody can reach an operator that is registered, with the fix."""
    waiting = []
    if suspended:
        waiting.append(
            "Access is suspended and nobody gets in: take `support-access:suspended` out of the stack's settings, then"
            " run `pulumi up` again."
        )
    if wanted is not None:
        waiting.append(wanted)
    elif enrolment == "unusable":
        waiting.append(f"Nobody can reach the operator: {reason}. Then run `pulumi up` again.")
    elif enrolment != "online":
        waiting.append("The operator has not come online in the tailnet: install it, then run `pulumi up` again.")
    if access != "written":
        waiting.append("No grant is written: access is the last thing that appears, after the operator.")
    return waiting
