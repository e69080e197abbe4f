"""What each impersonated group or person may do in the customer's cluster.

Owns one binding per subject of the access entries (one in each namespace, where the entry names some), the ClusterRole
that role `read-only` stands for, and one for each subject with rules of its own. Does not own who may be impersonated
(ceiling.py) nor Kubernetes' own roles `view` and `cluster-admin`, which it only binds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from components.manifests import Manifest
from components.manifests.rbac import GROUP, binding, cluster_role
from components.manifests.read_only import read_only_rules
from components.naming import READ_ONLY_ROLE, group_binding, user_binding
from components.settings.access import Access, Subject
from components.settings.role import Role


def bound_role(entry: Access) -> str:
    """Name of the ClusterRole that an entry's role stands for."""
    if entry.bound is Role.CUSTOM:
        return _name(entry)  # its own, called like its binding: no two subjects share one
    return READ_ONLY_ROLE if entry.bound is Role.READ_ONLY else entry.bound.value


def subjects(access: Iterable[Access]) -> dict[Subject, Access]:
    """Each once: two entries may act as one group, from two tailnet groups or from two kinds of device.

    Not those who bring a credential of their own: nobody acts as them.
    """
    return {entry.subject: entry for entry in access if entry.bound is not Role.OWN_CREDENTIAL}


def roles(
    access: Iterable[Access], labels: Mapping[str, str], readable: Mapping[str, Sequence[str]] | None = None
) -> dict[str, Manifest]:
    """ClusterRoles and bindings, by what each is called in the stack. No subject has two roles.

    readable: API group to resources that role read-only may read besides its own.
    """
    declared = subjects(access)
    manifests: dict[str, Manifest] = {}
    if Role.READ_ONLY in [entry.bound for entry in declared.values()]:
        manifests["read-only"] = cluster_role(READ_ONLY_ROLE, read_only_rules(readable), labels)
    for subject, entry in declared.items():
        named = [{"kind": subject.kind, "name": subject.name, "apiGroup": GROUP}]
        if entry.rules is not None:
            rules = [rule.policy_rule for rule in entry.rules]
            manifests[f"custom:{subject.name}"] = cluster_role(bound_role(entry), rules, labels)
        if entry.namespaces is None:
            manifests[_key(subject)] = binding(_name(entry), bound_role(entry), named, labels)
        for namespace in entry.namespaces or ():
            manifests[f"{_key(subject)}:in:{namespace}"] = binding(
                _name(entry), bound_role(entry), named, labels, namespace=namespace
            )
    return manifests


def _key(subject: Subject) -> str:
    """What a subject's binding is called in the stack; no group has a colon."""
    return "group:read-only" if subject.name == "read-only" else subject.name


def _name(entry: Access) -> str:
    naming = group_binding if entry.subject.kind == "Group" else user_binding
    return naming(entry.bound, entry.subject.name)
