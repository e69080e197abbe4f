"""A cluster in memory, for what our resources do in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from providers.cluster.look import Found
from providers.cluster.problems import ClusterRefusedError, ClusterUnknownError
from providers.tailnet.recorded_cluster import KUBE_SYSTEM

UID = "6e1c1f2e-0000-4000-8000-000000000001"


class FakeCluster:
    """objects: metadata by path. refused: paths whose writes the API server refuses, as a failing webhook does.
    silent: the cluster does not answer. opened: context and kubeconfig of every connection."""

    def __init__(self, objects: dict[str, Found] | None = None, *, uid: str = UID) -> None:
        self.objects = {KUBE_SYSTEM: {"name": "kube-system", "uid": uid}, **(objects or {})}
        for path, there in self.objects.items():
            there.setdefault("name", path.rpartition("/")[2])
            there.setdefault("uid", f"uid of {path}")
            if "/namespaces/" in path and not path.startswith("/api/v1/namespaces/kube-system"):
                there.setdefault("namespace", path.split("/namespaces/")[1].split("/")[0])
        self.refused: set[str] = set()
        self.silent = False
        self.opened: list[tuple[str, Path | None]] = []
        self.calls: list[str] = []

    def open(self, context: str, kubeconfig: Path | None) -> FakeCluster:
        self.opened.append((context, kubeconfig))
        return self

    def one(self, path: str) -> Found | None:
        self._answer(f"GET {path}")
        found = self.objects.get(path)
        return None if found is None else dict(found)

    def all(self, path: str, labels: str = "") -> list[Found]:
        """As the API: a list without a namespace has the objects of all namespaces."""
        self._answer(f"LIST {path}")
        if path in self.refused:
            raise ClusterRefusedError(f"the API server answers {path} with 403 Forbidden", 403, "Forbidden")
        wanted = dict(part.split("=") for part in labels.split(",") if part)
        group, _, resource = path.rpartition("/")
        return [
            dict(there)
            for at, there in self.objects.items()
            if at.rpartition("/")[0] == path
            or (at.startswith(f"{group}/namespaces/") and at.split("/")[-2] == resource)
            if (there.get("labels") or {}).items() >= wanted.items()
        ]

    def delete(self, path: str, *, uid: str | None = None) -> bool:
        self._answer(f"DELETE {path}")
        there = self.objects.get(path)
        if there is None or (uid and there["uid"] != uid):
            return False
        if path in self.refused:
            raise ClusterRefusedError(f'the API server answers {path} with 500: failed calling webhook "x"', 500, "")
        if there.get("finalizers"):
            there["deletionTimestamp"] = "2026-12-01T00:00:00Z"
        else:
            del self.objects[path]
        return True

    def patch(self, path: str, body: Any) -> dict[str, Any] | None:
        """A merge patch of metadata."""
        self._answer(f"PATCH {path}")
        if path in self.refused:
            raise ClusterRefusedError(f'the API server answers {path} with 500: failed calling webhook "x"', 500, "")
        there = self.objects.get(path)
        if there is None:
            return None
        for key, value in body["metadata"].items():
            if key == "annotations":
                merged = {**(there.get("annotations") or {}), **value}
                there["annotations"] = {name: text for name, text in merged.items() if text is not None}
            elif key == "finalizers":
                there["finalizers"] = value
        if "deletionTimestamp" in there and not there.get("finalizers"):
            del self.objects[path]
        return {"kind": "Object", "metadata": there}

    def _answer(self, call: str) -> None:
        self.calls.append(call)
        if self.silent:
            raise ClusterUnknownError("the API server does not answer: frozen")

    @property
    def written(self) -> list[str]:
        return [call for call in self.calls if call.startswith(("DELETE", "PATCH"))]
