"""The errors of every call to a cluster. All of them are a ClusterUnknownError, which is what callers catch."""

from __future__ import annotations


class ClusterUnknownError(Exception):
    """The cluster did not carry out a call, and why: kubeconfig, login, network, or the API server's own answer."""


class ClusterRefusedError(ClusterUnknownError):
    """The API server answered, and did not do what was asked: RBAC, admission, validation, a conflict, its store.

    status: the HTTP status. reason: the one of Kubernetes, as in AlreadyExists; empty where the answer has none.
    detail: the message of the API server; empty where it has none.
    """

    def __init__(self, message: str, status: int, reason: str = "", detail: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.detail = detail
