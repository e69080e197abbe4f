"""The typed classes of the provider's resources, for programs. Imports Pulumi and nothing else: start-up counts.

No resource here is ever replaced, and none takes a credential: the plugin reads it from the environment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import pulumi

_WIRE_NAMES = {
    "api_tag": "apiTag",
    "timeout_seconds": "timeoutSeconds",
    "device_name": "deviceName",
    "node_id": "nodeId",
    "client_version": "clientVersion",
    "online_since": "onlineSince",
    "client_id": "clientId",
    "client_secret": "clientSecret",
    "proved_at": "provedAt",
    "cluster_uid": "clusterUid",
    "open_policy": "openPolicy",
}
_PYTHON_NAMES = {wire: name for name, wire in _WIRE_NAMES.items()}


class Provider(pulumi.ProviderResource):
    """The plugin, for a program that names its providers. It takes no arguments: everything is in the environment."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("tailnet", name, {}, opts)


class PolicySlice(pulumi.CustomResource):
    """The part of the tailnet's policy document that one stack owns.

    `part`: "identity" (tagOwners, autoApprovers, nodeAttrs, tests, sshTests of an environment; removes from the access
    sections what is not in `declared`), "access" (grants, acls, ssh, postures, groups, hosts; only adds, while
    `active`), or "shared" (what the whole tailnet has in common; no customer and environment). `sections`: as in the
    policy document. Postures, groups and hosts of an environment are called
    `[posture:|group:]<customer>-<environment>-<word>`: what the tailnet shares must not be called so. `exceptions`:
    findings of the isolation analysis that are accepted, `{finding, subject, reason}`; any other failure stops what
    adds access, and nothing that only removes it. `open_policy`, of a shared slice: "close" gives a document with
    neither acls nor grants, which lets everybody in, an empty list of grants; without it nothing is added that would
    close such a document.

    Import takes what stands in the document into the state and the generated program; what it leaves, it tells:

        pulumi import tailnet:index:PolicySlice acme-prod-identity identity/acme/prod
        pulumi import tailnet:index:PolicySlice acme-prod-access access/acme/prod
        pulumi import tailnet:index:PolicySlice policy shared
        pulumi import tailnet:index:PolicySlice policy 'shared/groups=group:a,group:b;hosts=x;tests=0,2;postures'

    `shared` takes all that belongs to no environment; with sections behind it only those, with names or, in lists,
    places counted from 0.
    """

    status: pulumi.Output[str]
    """"written", or "waiting" while an access slice is not active."""
    foreign: pulumi.Output[Sequence[str] | None]
    """identity: entries that name the environment and are not declared, as people wrote them; set by a refresh."""

    def __init__(
        self,
        name: str,
        *,
        part: Literal["identity", "access", "shared"],
        sections: pulumi.Input[Mapping[str, Any]],
        customer: str | None = None,
        environment: str | None = None,
        declared: pulumi.Input[Mapping[str, Any]] | None = None,
        active: pulumi.Input[bool] = True,
        exceptions: Sequence[Mapping[str, str]] = (),
        open_policy: Literal["close"] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        properties = {
            "part": part,
            "customer": customer,
            "environment": environment,
            "sections": sections,
            "declared": declared,
            "active": active,
            "exceptions": list(exceptions) or None,
            "openPolicy": open_policy,
            "status": None,
            "foreign": None,
        }
        super().__init__("tailnet:index:PolicySlice", name, properties, opts)


class Enrollment(pulumi.CustomResource):
    """Whether the environment's operator is in the tailnet: the device with `tag` and `hostname`; with `api_tag` also a
    device that carries it, of the highly available API proxies.

    With `wait` it waits up to `timeout_seconds` and fails then; without, "pending" and "unusable" are states, and every
    `up` and refresh queries again. At delete the operator's and the API proxies' devices are removed at once.
    """

    status: pulumi.Output[str]
    """"online", "unusable" (it is registered, and nobody can reach it) or "pending". While pending there are no other
    outputs."""
    reason: pulumi.Output[str | None]
    """unusable: why nobody can reach it, and the fix."""
    device_name: pulumi.Output[str | None]
    """The device's full name in the tailnet."""
    addresses: pulumi.Output[Sequence[str] | None]
    """Its Tailscale addresses."""
    node_id: pulumi.Output[str | None]
    client_version: pulumi.Output[str | None]
    online_since: pulumi.Output[str | None]
    """When this stack first saw the device online, RFC 3339."""

    def translate_input_property(self, prop: str) -> str:
        return _WIRE_NAMES.get(prop, prop)

    def translate_output_property(self, prop: str) -> str:
        return _PYTHON_NAMES.get(prop, prop)

    def __init__(
        self,
        name: str,
        *,
        customer: str,
        environment: str,
        tag: str,
        hostname: str,
        wait: bool,
        timeout_seconds: int,
        api_tag: str | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        properties = {
            "customer": customer,
            "environment": environment,
            "tag": tag,
            "hostname": hostname,
            "api_tag": api_tag,
            "wait": wait,
            "timeout_seconds": timeout_seconds,
            **dict.fromkeys(
                ("status", "reason", "device_name", "addresses", "node_id", "client_version", "online_since")
            ),
        }
        super().__init__("tailnet:index:Enrollment", name, properties, opts)


class ExposureEnrollment(pulumi.CustomResource):
    """Whether a device with each of `tags` can be reached: of what is exposed, and of the recorder.

    Waits up to `timeout_seconds` and fails then, with what the cluster says of `objects`, paths of its API, and of the
    proxies' pods. Its delete does nothing.
    """

    def translate_input_property(self, prop: str) -> str:
        return _WIRE_NAMES.get(prop, prop)

    def translate_output_property(self, prop: str) -> str:
        return _PYTHON_NAMES.get(prop, prop)

    def __init__(
        self,
        name: str,
        *,
        customer: str,
        environment: str,
        tags: Sequence[str],
        objects: Sequence[str],
        timeout_seconds: int,
        context: str,
        kubeconfig: str,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        properties = {
            "customer": customer,
            "environment": environment,
            "tags": list(tags),
            "objects": list(objects),
            "timeout_seconds": timeout_seconds,
            "context": context,
            "kubeconfig": kubeconfig,
            "status": None,
        }
        super().__init__("tailnet:index:ExposureEnrollment", name, properties, opts)


class Cluster(pulumi.CustomResource):
    """The identity of the cluster that the environment is in. `uid`: of its namespace kube-system; empty keeps the one
    that is recorded. Another one is refused. `kubeconfig`: empty for the one that kubectl finds."""

    uid: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        customer: str,
        environment: str,
        context: str,
        kubeconfig: str,
        uid: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        properties = {
            "customer": customer,
            "environment": environment,
            "context": context,
            "kubeconfig": kubeconfig,
            "uid": uid,
        }
        super().__init__("tailnet:index:Cluster", name, properties, opts)


class DeviceCleanup(pulumi.CustomResource):
    """Removes the devices and Tailscale Services that carry the environment's tags, when it is deleted.

    With a `context` it then removes roles and bindings with these `labels` from the cluster, and the operator's
    finalizers from the objects at the paths `held`.
    """

    def translate_input_property(self, prop: str) -> str:
        return _WIRE_NAMES.get(prop, prop)

    def translate_output_property(self, prop: str) -> str:
        return _PYTHON_NAMES.get(prop, prop)

    def __init__(
        self,
        name: str,
        *,
        customer: str,
        environment: str,
        context: str | None = None,
        kubeconfig: str | None = None,
        cluster_uid: pulumi.Input[str] | None = None,
        labels: Mapping[str, str] | None = None,
        held: Sequence[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        properties = {
            "customer": customer,
            "environment": environment,
            "context": context,
            "kubeconfig": kubeconfig,
            "cluster_uid": cluster_uid,
            "labels": labels,
            "held": held,
        }
        super().__init__("tailnet:index:DeviceCleanup", name, properties, opts)


class Withdrawal(pulumi.CustomResource):
    """The proxy drain. When it is deleted, it deletes the objects at the paths `held` that the object at `owner` owns,
    and that one, takes our annotations off Services (`patched`: `path` and `annotations` of each), and waits a few
    seconds for the operator to let go of them. Never fails."""

    def translate_input_property(self, prop: str) -> str:
        return _WIRE_NAMES.get(prop, prop)

    def translate_output_property(self, prop: str) -> str:
        return _PYTHON_NAMES.get(prop, prop)

    def __init__(
        self,
        name: str,
        *,
        customer: str,
        environment: str,
        held: Sequence[str],
        owner: str,
        patched: Sequence[Mapping[str, Any]],
        context: str,
        kubeconfig: str,
        cluster_uid: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        properties = {
            "customer": customer,
            "environment": environment,
            "held": list(held),
            "owner": owner,
            "patched": list(patched),
            "context": context,
            "kubeconfig": kubeconfig,
            "cluster_uid": cluster_uid,
        }
        super().__init__("tailnet:index:Withdrawal", name, properties, opts)


class ClusterRepair(pulumi.CustomResource):
    """Puts right what was widened or interrupted in a cluster: at every update, before what depends on it. `objects`:
    `path` in the API and `manifest`, the first to be repaired first; none where the cluster did not answer, so that
    nothing is compared. `release`, `namespace`: of the operator's Helm release. Nothing at delete."""

    completes: pulumi.Output[str]
    """The Helm revision whose record was removed last, for the release's description; empty for none."""

    def translate_input_property(self, prop: str) -> str:
        return _WIRE_NAMES.get(prop, prop)

    def __init__(
        self,
        name: str,
        *,
        customer: str,
        environment: str,
        objects: pulumi.Input[Sequence[Mapping[str, Any]]],
        release: str,
        namespace: str,
        context: str,
        kubeconfig: str,
        cluster_uid: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        properties = {
            "customer": customer,
            "environment": environment,
            "objects": objects,
            "release": release,
            "namespace": namespace,
            "context": context,
            "kubeconfig": kubeconfig,
            "cluster_uid": cluster_uid,
            "findings": None,
            "completes": None,
        }
        super().__init__("tailnet:index:ClusterRepair", name, properties, opts)


class CredentialProof(pulumi.CustomResource):
    """That the operator's OAuth client mints tokens with its scopes, before anything depends on it."""

    proved_at: pulumi.Output[str]
    """When the client in use was proved, RFC 3339."""

    def translate_input_property(self, prop: str) -> str:
        return _WIRE_NAMES.get(prop, prop)

    def translate_output_property(self, prop: str) -> str:
        return _PYTHON_NAMES.get(prop, prop)

    def __init__(
        self,
        name: str,
        *,
        customer: str,
        environment: str,
        client_id: pulumi.Input[str],
        client_secret: pulumi.Input[str],
        scopes: pulumi.Input[Sequence[str]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        properties = {
            "customer": customer,
            "environment": environment,
            "client_id": client_id,
            "client_secret": pulumi.Output.secret(client_secret),
            "scopes": scopes,
            "proved_at": None,
        }
        super().__init__("tailnet:index:CredentialProof", name, properties, opts)


class SourceUsers(NamedTuple):
    """users: each source of access (group, person, tag) to the users that the API proxy names it by: addresses in lower
    case, or full names of nodes. respelled: each group to the members that the policy document spells otherwise."""

    users: dict[str, list[str]]
    respelled: dict[str, list[str]]


def get_source_users(
    sources: Sequence[str], postures: Sequence[str] = (), opts: pulumi.InvokeOptions | None = None
) -> SourceUsers:
    """Who may come in by these sources. `postures`: shared ones that must be defined. A name that the policy does not
    define is an error."""
    arguments = {"sources": list(sources), "postures": list(postures)}
    answer = pulumi.runtime.invoke("tailnet:index:getSourceUsers", arguments, opts).value
    return SourceUsers(answer["users"], answer["respelled"])


async def get_operators(tag: str, opts: pulumi.InvokeOptions | None = None) -> list[dict[str, Any]]:
    """The devices with an environment's kube tag, sorted: `name`, `nodeId`, `online`, and `version` and `lastSeen`
    (RFC 3339) where the API tells them. For hooks, which run while the engine waits."""
    answer = await pulumi.runtime.invoke_async("tailnet:index:getOperators", {"tag": tag}, opts)
    return answer["operators"]


def get_operators_now(tag: str, opts: pulumi.InvokeOptions | None = None) -> list[dict[str, Any]]:
    """The same for the program itself, which has to know before it declares anything."""
    return pulumi.runtime.invoke("tailnet:index:getOperators", {"tag": tag}, opts).value["operators"]


def get_tailnet_conditions(opts: pulumi.InvokeOptions | None = None) -> list[dict[str, str]]:
    """What the tailnet's settings mean for every environment. Each condition has `name` (magicDns, https, policyOwner),
    `state` (ok, failed, warning, unknown) and `message`."""
    return pulumi.runtime.invoke("tailnet:index:getTailnetConditions", {}, opts).value["conditions"]


def get_tailnet_defaults(opts: pulumi.InvokeOptions | None = None) -> dict[str, Any]:
    """What the policy document sets for the whole tailnet: `srcPosture`, names of postures for rules without their own;
    `derpMap`, its own relays, `{omitDefaultRegions, removed, nodes}`."""
    return pulumi.runtime.invoke("tailnet:index:getTailnetDefaults", {}, opts).value["defaults"]
