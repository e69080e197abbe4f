"""Which object of a handoff belongs to which owner, so that Kubernetes deletes it after that owner.

The namespace owns our objects outside of it: roles and bindings of the whole cluster, bindings in other namespaces. The
ClusterRole `support-access-proxies` owns what the operator puts a finalizer on: without the operator, whose pod is in
the namespace, such a finalizer would stay. That ClusterRole, and what is in the namespace, have no owner.

Owns the choice and the text of each reference, but for the owner's uid: that is not known before the customer's API
server has made it. `install.sh` puts it in at every run; a reference to an earlier uid would get the object deleted.
"""

from __future__ import annotations

import json

from components.manifests import Manifest
from components.manifests.delivery import Delivery
from components.naming import HOLDER, NAMESPACE

UID = "OWNER_UID"
"""What stands in a reference until `install.sh` has read the owner's uid."""


def of_namespace(made: Delivery) -> list[Manifest]:
    """What Kubernetes deletes after the namespace; what is in it goes with it."""
    return [one for one in made.rbac if one["metadata"].get("namespace") != NAMESPACE]


def references(made: Delivery) -> dict[str, list[str]]:
    """Of each owner, by name, a line for each of its objects, as `kubectl apply` takes it."""
    namespace = {"apiVersion": "v1", "kind": "Namespace", "name": NAMESPACE, "uid": UID}
    holder = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "name": HOLDER, "uid": UID}
    return {
        NAMESPACE: [_reference(one, namespace) for one in of_namespace(made)],
        HOLDER: [_reference(one, holder) for one in made.held],
    }


def _reference(one: Manifest, owner: dict[str, str]) -> str:
    place = {key: one["metadata"][key] for key in ("name", "namespace") if key in one["metadata"]}
    return json.dumps(
        {"apiVersion": one["apiVersion"], "kind": one["kind"], "metadata": {**place, "ownerReferences": [owner]}},
        separators=(",", ":"),
    )
