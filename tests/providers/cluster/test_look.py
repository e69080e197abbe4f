"""A cluster is read as metadata, page by page; a call that it does not carry out is an error and never an absence."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from providers.cluster.look import ClusterLook
from providers.cluster.problems import ClusterRefusedError, ClusterUnknownError
from tests.providers.cluster.api_server import Answer, serving


def look(folder: Path, url: str, *, context: str = "acme-prod", seconds: float = 10) -> ClusterLook:
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(
        json.dumps(
            {
                "clusters": [{"name": "c", "cluster": {"server": url}}],
                "users": [{"name": "u", "user": {"token": "t"}}],
                "contexts": [{"name": "acme-prod", "context": {"cluster": "c", "user": "u"}}],
                "current-context": "another",
            }
        )
    )
    return ClusterLook(context, kubeconfig, seconds=seconds)


def test_what_is_there_is_told_by_its_metadata_alone(tmp_path: Path) -> None:
    """So that a Secret's contents never arrive."""
    with serving(lambda path, query: (200, {"metadata": {"name": "tailscale"}})) as server:
        assert look(tmp_path, server.url).one("/api/v1/namespaces/tailscale") == {"name": "tailscale"}
    path, _, accept = server.asked[0]
    assert path == "/api/v1/namespaces/tailscale"
    assert accept == "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"


def test_a_long_list_is_read_to_its_end(tmp_path: Path) -> None:
    pages = {"": ["a", "b"], "second": ["c"]}

    def answer(path: str, query: dict[str, str]) -> Answer:
        items = [{"metadata": {"name": name}} for name in pages[query.get("continue", "")]]
        return 200, {"metadata": {"continue": "" if "continue" in query else "second"}, "items": items}

    with serving(answer) as server:
        found = look(tmp_path, server.url).all("/api/v1/services", "a=b")
    assert [it["name"] for it in found] == ["a", "b", "c"]
    assert [query["labelSelector"] for _, query, _ in server.asked] == ["a=b", "a=b"]
    assert server.asked[0][2].startswith("application/json;as=PartialObjectMetadataList;")


STATUS = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}
BARE = b"404 page not found\n"
"""What a real API server says of a kind that it does not serve; of an object that is not there it says STATUS."""


def test_what_is_not_there_is_none(tmp_path: Path) -> None:
    with serving(lambda path, query: (404, STATUS if path.startswith("/api/") else BARE)) as server:
        cluster = look(tmp_path, server.url)
        assert cluster.one("/api/v1/namespaces/tailscale") is None
        assert cluster.all("/apis/nobody.example.com/v1/things") == []
    assert len(server.asked) == 2


def test_a_kind_that_is_not_served_is_none_also_as_the_first_question(tmp_path: Path) -> None:
    versions = {"kind": "APIVersions", "versions": ["v1"]}
    with serving(lambda path, query: (200, versions) if path == "/api" else (404, BARE)) as server:
        cluster = look(tmp_path, server.url)
        assert cluster.all("/apis/nobody.example.com/v1/things") == []
        assert cluster.one("/apis/nobody.example.com/v1/things/one") is None
    assert [path for path, _, _ in server.asked].count("/api") == 1


@pytest.mark.parametrize(
    "answer",
    [
        (404, {}),
        (404, BARE),
        (404, {"type": "error", "status": "404", "message": "clusters.management.example.com not found"}),
        (200, {}),
        (200, []),
        (200, {"status": "ok"}),
    ],
    ids=str,
)
def test_what_stands_before_a_cluster_that_is_gone_proves_no_absence(answer: Answer, tmp_path: Path) -> None:
    with serving(lambda path, query: answer) as server:
        cluster = look(tmp_path, server.url)
        for question in (cluster.one, cluster.all, cluster.whole):
            with pytest.raises(ClusterUnknownError, match="no Kubernetes API server"):
                question("/api/v1/services")


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
def test_a_refusal_is_no_absence(status: int, tmp_path: Path) -> None:
    with serving(lambda path, query: (status, {})) as server:
        cluster = look(tmp_path, server.url)
        with pytest.raises(ClusterUnknownError, match=str(status)):
            cluster.one("/api/v1/namespaces/tailscale")
        with pytest.raises(ClusterUnknownError, match=str(status)):
            cluster.all("/api/v1/services")


def test_an_answer_that_is_none_is_no_absence(tmp_path: Path) -> None:
    page = b"<html>login</html>"
    with (
        serving(lambda path, query: (200, page)) as server,
        pytest.raises(ClusterUnknownError, match="no Kubernetes API server"),
    ):
        look(tmp_path, server.url).one("/api/v1/namespaces/tailscale")


@pytest.mark.parametrize(
    "answer",
    [
        {"kind": "List", "metadata": {}, "items": 5},
        {"kind": "List", "metadata": {}, "items": [1]},
        {"kind": "List", "metadata": {}, "items": [{}]},
        b'{"a":' * 100_000,
    ],
    ids=["a number", "of numbers", "without metadata", "deep"],
)
def test_a_list_that_is_none_is_an_error_of_the_one_type(answer: Any, tmp_path: Path) -> None:
    with (
        serving(lambda path, query: (200, answer)) as server,
        pytest.raises(ClusterUnknownError, match="no Kubernetes API server"),
    ):
        look(tmp_path, server.url).all("/api/v1/services")


def test_a_list_whose_pages_never_end_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("providers.cluster.look.PAGES", 3)
    page = {"kind": "List", "metadata": {"continue": "more"}, "items": []}

    def answer(path: str, query: dict[str, str]) -> Answer:
        return (200, page) if len(server.asked) < 10 else (500, {})

    with serving(answer) as server, pytest.raises(ClusterUnknownError, match="or no end"):
        look(tmp_path, server.url).all("/api/v1/services")


def test_a_server_that_is_gone_is_no_absence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    with pytest.raises(ClusterUnknownError, match="does not answer"):
        look(tmp_path, url).one("/api/v1/namespaces/tailscale")


def test_a_frozen_server_is_waited_for_once_and_not_for_ever(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as frozen:
        cluster = look(tmp_path, f"http://127.0.0.1:{frozen.getsockname()[1]}", seconds=0.2)
        with pytest.raises(ClusterUnknownError, match="does not answer"):
            cluster.one("/api/v1/namespaces/tailscale")
        frozen.setblocking(False)
        frozen.accept()[0].close()
        with pytest.raises(BlockingIOError):
            frozen.accept()


@pytest.mark.parametrize("context", ["another", "nobody"])
def test_a_context_that_is_not_there_is_no_absence(context: str, tmp_path: Path) -> None:
    """And the kubeconfig's current one is never taken in its place."""
    with pytest.raises(ClusterUnknownError, match=context):
        look(tmp_path, "http://127.0.0.1:1", context=context)


def test_no_kubeconfig_is_no_absence(tmp_path: Path) -> None:
    with pytest.raises(ClusterUnknownError):
        ClusterLook("acme-prod", tmp_path / "nowhere")


NAMESPACE = {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "tailscale", "uid": "1"}}
CONFLICT = {
    "kind": "Status",
    "reason": "Conflict",
    "code": 409,
    "message": "Precondition failed: UID in precondition: 1, UID in object meta: 2",
}
WRITES: list[Callable[[ClusterLook], Any]] = [
    lambda cluster: cluster.delete("/api/v1/namespaces/tailscale"),
    lambda cluster: cluster.delete("/api/v1/namespaces/tailscale", uid="1"),
    lambda cluster: cluster.patch("/api/v1/namespaces/tailscale", {}),
    lambda cluster: cluster.create("/api/v1/namespaces", {}),
]


def test_delete_sends_the_propagation_and_the_uid(tmp_path: Path) -> None:
    with serving(lambda path, query: (200, NAMESPACE)) as server:
        cluster = look(tmp_path, server.url)
        assert cluster.delete("/api/v1/namespaces/tailscale")
        assert cluster.delete("/api/v1/namespaces/tailscale", uid="1")
    options = {"apiVersion": "v1", "kind": "DeleteOptions"}
    assert [it[0] for it in server.written] == ["DELETE", "DELETE"]
    assert [it[4] for it in server.written] == [
        {**options, "propagationPolicy": "Background"},
        {**options, "propagationPolicy": "Background", "preconditions": {"uid": "1"}},
    ]


def test_what_does_not_exist_is_neither_deleted_nor_patched(tmp_path: Path) -> None:
    with serving(lambda path, query: (404, STATUS)) as server:
        cluster = look(tmp_path, server.url)
        assert not cluster.delete("/api/v1/namespaces/tailscale")
        assert cluster.patch("/api/v1/namespaces/tailscale", {}) is None
        with pytest.raises(ClusterRefusedError, match="namespace"):
            cluster.create("/api/v1/namespaces/tailscale/configmaps", {})


def test_another_object_with_the_name_is_not_deleted(tmp_path: Path) -> None:
    with serving(lambda path, query: (409, CONFLICT)) as server:
        cluster = look(tmp_path, server.url)
        assert not cluster.delete("/api/v1/namespaces/tailscale", uid="1")
        with pytest.raises(ClusterRefusedError, match="409"):
            cluster.delete("/api/v1/namespaces/tailscale")


def test_patch_is_sent_as_a_merge_patch(tmp_path: Path) -> None:
    with serving(lambda path, query: (200, NAMESPACE)) as server:
        cluster = look(tmp_path, server.url)
        assert cluster.patch("/api/v1/namespaces/tailscale", {"metadata": {}}) == NAMESPACE
    path = "/api/v1/namespaces/tailscale"
    assert server.written == [("PATCH", path, {}, "application/merge-patch+json", {"metadata": {}})]


def test_create_returns_the_object_and_asks_only_where_it_is_a_dry_run(tmp_path: Path) -> None:
    with serving(lambda path, query: (201, NAMESPACE)) as server:
        cluster = look(tmp_path, server.url)
        assert cluster.create("/api/v1/namespaces", {"kind": "Namespace"}) == NAMESPACE
        cluster.create("/api/v1/namespaces", {"kind": "Namespace"}, dry_run=True)
    assert [it[2] for it in server.written] == [{}, {"dryRun": "All"}]


def test_a_refused_write_carries_status_reason_and_message(tmp_path: Path) -> None:
    denied = {"kind": "Status", "reason": "Forbidden", "message": 'admission webhook "x" denied the request'}
    with serving(lambda path, query: (403, denied)) as server, pytest.raises(ClusterRefusedError) as refusal:
        look(tmp_path, server.url).create("/api/v1/namespaces", {}, dry_run=True)
    assert (refusal.value.status, refusal.value.reason) == (403, "Forbidden")
    assert "denied the request" in str(refusal.value)


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("status", [401, 403, 422, 500, 503])
def test_a_refused_write_is_an_error(status: int, write: Callable[[ClusterLook], Any], tmp_path: Path) -> None:
    with serving(lambda path, query: (status, {})) as server, pytest.raises(ClusterUnknownError, match=str(status)):
        write(look(tmp_path, server.url))


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("answer", [(200, {}), (200, []), (404, BARE), (200, b"<html>login</html>")], ids=str)
def test_a_write_that_no_api_server_answered_is_an_error(
    answer: Answer, write: Callable[[ClusterLook], Any], tmp_path: Path
) -> None:
    with serving(lambda path, query: answer) as server, pytest.raises(ClusterUnknownError):
        write(look(tmp_path, server.url))


@pytest.mark.parametrize("write", WRITES)
def test_a_write_to_a_frozen_server_has_a_time_limit(write: Callable[[ClusterLook], Any], tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as frozen,
        pytest.raises(ClusterUnknownError, match="does not answer"),
    ):
        write(look(tmp_path, f"http://127.0.0.1:{frozen.getsockname()[1]}", seconds=0.2))
