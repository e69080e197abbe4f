"""What each impersonated group or person may do in the customer's cluster.

Owns one binding per subject of the access entries, and the ClusterRole that role `read-only` stands for. Does not own
who may be impersonated (ceiling.py) nor Kubernetes' own role `view`, which it only binds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from components.manifests import Manifest
from components.manifests.rbac import GROUP, binding, cluster_role
from components.manifests.read_only import read_only_rules
from components.naming import READ_ONLY_ROLE, group_binding, user_binding
from components.settings.access import Access, Role, Subject


def bound_role(role: Role) -> str:
    """Name of the ClusterRole that a role of the settings stands for."""
    return READ_ONLY_ROLE if role is Role.READ_ONLY else role.value


def subjects(access: Iterable[Access]) -> dict[Subject, Role]:
    """Each once: two entries may act as one group, from two tailnet groups or from two kinds of device."""
    return {entry.subject: entry.role for entry in access}


def roles(access: Iterable[Access], labels: Mapping[str, str]) -> dict[str, Manifest]:
    """ClusterRoles and bindings, by what each is called in the stack. No subject has two roles."""
    declared = subjects(access)
    manifests: dict[str, Manifest] = {}
    if Role.READ_ONLY in declared.values():
        manifests["read-only"] = cluster_role(READ_ONLY_ROLE, read_only_rules(), labels)
    for subject, role in declared.items():
        name = (group_binding if subject.kind == "Group" else user_binding)(role, subject.name)
        named = {"kind": subject.kind, "name": subject.name, "apiGroup": GROUP}
        manifests[subject.name] = binding(name, bound_role(role), [named], labels)
    return manifests
