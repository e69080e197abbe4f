"""What the plugin knows of Kubernetes kinds without asking a server.

Owns type tokens, the scope of built-in kinds, the properties whose change replaces an object (as in pulumi-kubernetes
provider/pkg/provider/diff.go), and the form in which inputs are compared. Pure.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any

from sandbox.plugins.kubernetes.errors import OperationError
from sandbox.plugins.kubernetes.values import Object, has_unknown

RELEASE_TYPE = "kubernetes:helm.sh/v3:Release"


def _words(text: str) -> list[str]:
    return text.split()


_CLUSTER_SCOPED = frozenset(
    _words(
        """
        APIService CSIDriver CSINode CertificateSigningRequest ClusterRole ClusterRoleBinding CustomResourceDefinition
        FlowSchema IngressClass MutatingWebhookConfiguration Namespace Node PersistentVolume PodSecurityPolicy
        PriorityClass PriorityLevelConfiguration RuntimeClass StorageClass ValidatingWebhookConfiguration
        VolumeAttachment
        """
    )
)
_NAMESPACED = frozenset(
    _words(
        """
        Binding CSIStorageCapacity ConfigMap ControllerRevision CronJob DaemonSet Deployment EndpointSlice Endpoints
        Event HorizontalPodAutoscaler Ingress Job Lease LimitRange NetworkPolicy PersistentVolumeClaim Pod
        PodDisruptionBudget PodTemplate ReplicaSet ReplicationController ResourceQuota Role RoleBinding Secret Service
        ServiceAccount StatefulSet
        """
    )
)
_BUILT_IN_GROUPS = frozenset(
    _words(
        """
        admissionregistration.k8s.io apiextensions.k8s.io apiregistration.k8s.io apps auditregistration.k8s.io
        autoscaling batch certificates.k8s.io coordination.k8s.io discovery.k8s.io events.k8s.io extensions
        flowcontrol.apiserver.k8s.io networking.k8s.io node.k8s.io policy rbac.authorization.k8s.io resource.k8s.io
        scheduling.k8s.io settings.k8s.io storage.k8s.io storagemigration.k8s.io
        """
    )
) | {""}

_SELECTOR = (".spec.selector",)
_CONTAINER = _words(
    "args command env image imagePullPolicy lifecycle livenessProbe ports readinessProbe resources securityContext "
    "stdin stdinOnce terminationMessagePath terminationMessagePolicy tty volumeDevices volumeMounts workingDir"
)
_POD_SPEC = _words(
    "affinity automountServiceAccountToken dnsConfig dnsPolicy enableServiceLinks hostAliases hostIPC hostNetwork "
    "hostPID hostname imagePullSecrets nodeName nodeSelector overhead preemptionPolicy priority priorityClassName "
    "readinessGates restartPolicy runtimeClassName schedulerName securityContext serviceAccount serviceAccountName "
    "shareProcessNamespace subdomain terminationGracePeriodSeconds volumes"
)
_VOLUME_SOURCES = _words(
    "awsElasticBlockStore azureDisk azureFile cephfs cinder csi fc flexVolume flocker gcePersistentDisk glusterfs "
    "hostPath iscsi local nfs photonPersistentDisk portworxVolume quobyte rbd scaleIO storageos vsphereVolume"
)
_FORCE_NEW: dict[tuple[str, str], tuple[str, ...]] = {
    ("apps", "DaemonSet"): _SELECTOR,
    ("apps", "Deployment"): _SELECTOR,
    ("apps", "StatefulSet"): (
        ".spec.podManagementPolicy",
        ".spec.revisionHistoryLimit",
        ".spec.selector",
        ".spec.serviceName",
        ".spec.volumeClaimTemplates",
    ),
    ("batch", "Job"): (".spec.completions", ".spec.parallelism", ".spec.selector", ".spec.template"),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): (".roleRef",),
    ("rbac.authorization.k8s.io", "RoleBinding"): (".roleRef",),
    ("storage.k8s.io", "StorageClass"): (".parameters", ".provisioner"),
    ("", "PersistentVolume"): tuple(f".spec.{source}" for source in _VOLUME_SOURCES),
    ("", "PersistentVolumeClaim"): (
        ".spec.accessModes",
        ".spec.selector",
        ".spec.storageClassName",
        ".spec.volumeName",
    ),
    ("", "Pod"): (
        *(f".spec.{key}" for key in _POD_SPEC),
        *(f".spec.{list_}[*].{key}" for list_ in ("containers", "initContainers") for key in _CONTAINER),
    ),
    ("", "ResourceQuota"): (".spec.scopes",),
    ("", "Secret"): (".type",),
    ("", "Service"): (".spec.clusterIP",),
}
_READ_ONLY_METADATA = (
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "uid",
)


@dataclass(frozen=True)
class Kind:
    """A group (empty for core), version and kind, as API servers name them."""

    group: str
    version: str
    kind: str

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def built_in(self) -> bool:
        """Whether Kubernetes itself defines the kind."""
        return self.group in _BUILT_IN_GROUPS

    @property
    def namespaced(self) -> bool | None:
        """Whether objects live in namespaces, None when only a server can tell."""
        if self.built_in and self.kind in _CLUSTER_SCOPED:
            return False
        if self.built_in and self.kind in _NAMESPACED:
            return True
        return None

    def __str__(self) -> str:
        return f"{self.api_version}/{self.kind}"


def of_object(obj: Object) -> Kind:
    """The kind that an object says it is; empty strings where it says nothing."""
    group, _, version = str(obj.get("apiVersion") or "").rpartition("/")
    return Kind("" if group == "core" else group, version, str(obj.get("kind") or ""))


def of_type(token: str) -> Kind:
    """The kind of a type token, `kubernetes:<group>/<version>:<Kind>`; a patch token means the kind it patches."""
    parts = token.split(":")
    group, slash, version = parts[1].partition("/") if len(parts) == 3 else ("", "", "")
    if len(parts) != 3 or parts[0] != "kubernetes" or not slash:
        raise OperationError(
            f'unrecognized resource type: "{token}" for this provider; a type is kubernetes:<group>/<version>:<Kind>'
        )
    return Kind("" if group == "core" else group, version, parts[2].removesuffix("Patch"))


def is_patch(token: str) -> bool:
    """Whether the type owns only the fields it declares of an object that others made."""
    return token.endswith("Patch")


def is_crd(kind: Kind) -> bool:
    return kind.group == "apiextensions.k8s.io" and kind.kind == "CustomResourceDefinition"


def is_secret(kind: Kind) -> bool:
    return kind.group == "" and kind.kind == "Secret"


def force_new(obj: Object, *, secret_mutable: bool = False, config_map_mutable: bool = False) -> list[str]:
    """The paths (`.spec.selector`, `.spec.containers[*].image`) whose change means a new object."""
    kind = of_object(obj)
    paths = [".metadata.name", ".metadata.namespace"]
    immutable = obj.get("immutable") is True
    if is_secret(kind) and (not secret_mutable or immutable):
        return [*paths, ".type", ".stringData", ".data"]
    if (kind.group, kind.kind) in _FORCE_NEW:
        return [*paths, *_FORCE_NEW[kind.group, kind.kind]]
    if kind.group == "" and kind.kind == "ConfigMap" and (not config_map_mutable or immutable):
        return [*paths, ".binaryData", ".data"]
    return paths


def normalize(obj: Object) -> Object:
    """The object as a server would give it back, so far as that is known without one.

    A Secret's stringData becomes base64 data; what a CustomResourceDefinition drops is dropped; fields of the
    metadata that only a server writes are removed. Nothing but the last happens while values are unknown.
    """
    result = dict(obj)
    kind = of_object(obj)
    if kind.built_in and not has_unknown(obj):
        if is_secret(kind):
            result = _normalize_secret(result)
        elif is_crd(kind):
            spec = dict(result.get("spec") or {})
            if spec.get("preserveUnknownFields") is False:
                del spec["preserveUnknownFields"]
            result = {**{key: value for key, value in result.items() if key != "status"}, "spec": spec}
    metadata = result.get("metadata")
    if isinstance(metadata, dict):
        result["metadata"] = {key: value for key, value in metadata.items() if key not in _READ_ONLY_METADATA}
    return result


def _normalize_secret(obj: Object) -> Object:
    clear = obj.get("stringData")
    if clear:
        encoded = {key: base64.b64encode(str(value).encode()).decode() for key, value in clear.items()}
        rest = {key: value for key, value in obj.items() if key != "stringData"}
        return {**rest, "data": {**(obj.get("data") or {}), **encoded}}
    if obj.get("data"):
        return {**obj, "data": {key: _canonical_base64(value) for key, value in obj["data"].items()}}
    return obj


def _canonical_base64(value: Any) -> Any:
    """Without the line breaks that a server ignores; what does not decode is left for the server to refuse."""
    try:
        return base64.b64encode(base64.b64decode(value, validate=False)).decode()
    except (binascii.Error, ValueError, TypeError):
        return value
