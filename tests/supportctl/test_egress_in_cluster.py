"""The probe's Job is removed whatever happens, and whatever the cluster has against it is told."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from components.settings.environment import Cluster
from supportctl.verify import in_cluster
from supportctl.verify.probe import ProbeError

JOB: dict[str, Any] = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "probe"}}
JOBS, PODS = "/apis/batch/v1/namespaces/tailscale/jobs", "/api/v1/namespaces/tailscale/pods"


class Server(ThreadingHTTPServer):
    """An API server that answers as it is told. answers: method and path to status and body; asked: what was."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str] = []
        self.answers: dict[str, tuple[int, dict[str, Any]]] = {
            f"POST {JOBS}": (201, JOB),
            f"GET {JOBS}/probe": (200, {**JOB, "status": {}}),
            f"DELETE {JOBS}/probe": (200, {"kind": "Status", "status": "Success"}),
        }

    def pod(self, **status: Any) -> None:
        items = [{"metadata": {"name": "probe-x"}, "status": {"phase": "Pending", **status}}]
        self.answers[f"GET {PODS}"] = 200, {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": items}

    def container(self, **state: Any) -> None:
        self.pod(
            containerStatuses=[
                {"name": "probe", "ready": False, "restartCount": 0, "image": "", "imageID": "", "state": state}
            ]
        )

    def refuse(self, what: str, status: int, message: str) -> None:
        self.answers[what] = status, {"kind": "Status", "message": message}


class Handler(BaseHTTPRequestHandler):
    def _answer(self) -> None:
        assert isinstance(self.server, Server)
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        what = f"{self.command} {self.path.partition('?')[0]}"
        self.server.asked.append(what)
        status, body = self.server.answers.get(what, (500, {"message": f"not told about {what}"}))
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_DELETE = _answer  # noqa: N815 - the protocol's names

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(in_cluster, "POLL_SECONDS", 0.01)
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def cluster(folder: Path, port: int, context: str = "acme-prod") -> Cluster:
    path = folder / "kubeconfig"
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "users": [{"name": "u", "user": {"token": "made-up"}}],
        "contexts": [{"name": "acme-prod", "context": {"cluster": "c", "user": "u"}}],
    }
    path.write_text(json.dumps(document))
    return Cluster.model_validate({"context": context, "kubeconfig": str(path)})


def refused(server: Server, folder: Path, limit: float = 10.0) -> str:
    with pytest.raises(ProbeError) as caught:
        in_cluster.run(cluster(folder, server.server_port), JOB, limit=limit)
    return str(caught.value)


def test_what_the_probe_said_is_returned_and_the_job_removed(server: Server, tmp_path: Path) -> None:
    server.container(terminated={"exitCode": 0, "reason": "Completed", "message": "said"})
    assert in_cluster.run(cluster(tmp_path, server.server_port), JOB, limit=10) == "said"
    assert server.asked[-1] == f"DELETE {JOBS}/probe"


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ({"waiting": {"reason": "ImagePullBackOff", "message": "not in the mirror"}}, "not in the mirror"),
        ({"terminated": {"exitCode": 137, "reason": "OOMKilled"}}, "code 137 (OOMKilled) and said nothing"),
    ],
)
def test_a_probe_that_cannot_say_anything_says_why_at_once_and_is_removed(
    server: Server, tmp_path: Path, state: dict[str, Any], told: str
) -> None:
    server.container(**state)
    assert told in refused(server, tmp_path)
    assert server.asked[-1] == f"DELETE {JOBS}/probe"


def test_a_probe_that_does_not_end_says_where_it_stands_and_is_removed(server: Server, tmp_path: Path) -> None:
    server.pod(conditions=[{"type": "PodScheduled", "status": "False", "message": "0/3 nodes are available"}])
    assert "0/3 nodes are available" in refused(server, tmp_path, limit=0.1)
    assert server.asked[-1] == f"DELETE {JOBS}/probe"


def test_a_job_that_the_cluster_gives_up_says_why(server: Server, tmp_path: Path) -> None:
    server.answers[f"GET {PODS}"] = 200, {"kind": "PodList", "metadata": {}, "items": []}
    failed = {"type": "Failed", "status": "True", "reason": "DeadlineExceeded", "message": "was active too long"}
    server.answers[f"GET {JOBS}/probe"] = 200, {**JOB, "status": {"conditions": [failed]}}
    assert "DeadlineExceeded: was active too long" in refused(server, tmp_path)
    assert server.asked[-1] == f"DELETE {JOBS}/probe"


@pytest.mark.parametrize(
    ("status", "message", "told"),
    [
        (404, 'namespaces "tailscale" not found', "no namespace tailscale in acme-prod"),
        (409, 'jobs.batch "probe" already exists', "another probe is there already"),
        (403, "violates PodSecurity", "refuses (403): violates PodSecurity"),
    ],
)
def test_a_job_that_is_not_taken_is_told_and_nothing_is_removed(
    server: Server, tmp_path: Path, status: int, message: str, told: str
) -> None:
    """Least of all somebody else's."""
    server.refuse(f"POST {JOBS}", status, message)
    assert told in refused(server, tmp_path)
    assert server.asked == [f"POST {JOBS}"]


def test_a_job_that_somebody_removed_meanwhile_is_told_as_that(server: Server, tmp_path: Path) -> None:
    server.answers[f"GET {PODS}"] = 200, {"kind": "PodList", "metadata": {}, "items": []}
    for what in (f"GET {JOBS}/probe", f"DELETE {JOBS}/probe"):
        server.refuse(what, 404, 'jobs.batch "probe" not found')
    assert "Job probe was removed by somebody else" in refused(server, tmp_path)


def test_a_job_that_cannot_be_removed_is_told_with_the_command(server: Server, tmp_path: Path) -> None:
    server.container(terminated={"exitCode": 0, "message": "said"})
    server.refuse(f"DELETE {JOBS}/probe", 403, "may not delete")
    told = refused(server, tmp_path)
    assert "may not delete" in told
    assert "kubectl --context acme-prod -n tailscale delete job probe" in told


def test_an_api_server_that_is_not_there_and_a_context_that_is_not_are_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ProbeError, match="cannot be used from here: the API server does not answer"):
        in_cluster.run(cluster(tmp_path, port), JOB, limit=1)
    with pytest.raises(ProbeError, match="no context called elsewhere"):
        in_cluster.run(cluster(tmp_path, port, "elsewhere"), JOB, limit=1)
