"""A resource as the engine is about to register it, and how the rules ask about it.

Owns the view and nothing of the judgement. A value that is not known yet raises the pack's own error, on purpose: the
engine then says that the rule could not be judged at preview, and judges it at `up`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

NAMESPACE = "tailscale"
TAILNET = "tailnet"
"""The stack of what the whole tailnet shares."""
CLUSTER_WIDE = frozenset(
    {"ClusterRole", "ClusterRoleBinding", "Namespace", "ProxyClass", "ProxyGroup", "Connector", "Recorder"}
)

Limits = Mapping[str, Any]
"""A rule's own configuration, by name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """type: Pulumi's token. stack: whose it is. props: inputs, as the provider gets them; outputs, where the catalogue
    says so. secret_outputs: outputs marked as secret. protected: whether a destroy stops at it. ignored: inputs whose
    changes are passed by."""

    type: str
    name: str
    stack: str
    props: Mapping[str, Any]
    secret_outputs: tuple[str, ...] = field(default=())
    protected: bool = False
    ignored: tuple[str, ...] = ()
    known: Mapping[str, Any] | None = None
    """The inputs without what is not known yet; None when all of them are known."""

    @property
    def kind(self) -> str:
        """The Kubernetes kind; empty for what is no Kubernetes object. A patch is of the kind that it patches."""
        if not self.type.startswith("kubernetes:"):
            return ""
        return self.type.rpartition(":")[2].removesuffix("Patch")

    @property
    def metadata(self) -> Mapping[str, Any]:
        return self.props.get("metadata") or {}

    @property
    def object_name(self) -> str:
        return str(self.metadata.get("name") or "")

    @property
    def namespace(self) -> str:
        """Where the object is; empty for what no namespace holds."""
        return "" if self.kind in CLUSTER_WIDE else str(self.metadata.get("namespace") or "")

    @property
    def annotations(self) -> Mapping[str, Any]:
        return self.metadata.get("annotations") or {}


def environment_tag(stack: str, tag: str) -> bool:
    """Whether a tag is on machines of this stack's environment and of no other."""
    if tag in (f"tag:{kind}-{stack}" for kind in ("kube", "api", "rec")):
        return True
    exposure = tag.removeprefix(f"tag:svc-{stack}-")
    return exposure not in (tag, "") and "-" not in exposure


def listed(value: Any) -> Sequence[Any]:
    """A list; a text in its place is a list of one, and nothing an empty one."""
    return (value,) if isinstance(value, str) else value or ()


def texts(value: Any) -> Iterator[str]:
    """Every text anywhere inside a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from texts(item)
    elif isinstance(value, Sequence):
        for item in value:
            yield from texts(item)
