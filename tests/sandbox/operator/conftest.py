"""Two real clusters, the Tailscale API stand-in and the operator stand-in as a process, for the operator's tests.

The clusters live as long as the session; the tailnet, the stand-in and the releases as long as one test.
"""

from __future__ import annotations

import base64
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
import yaml

from sandbox import chart, cluster, tools
from sandbox.operator.kubeconfig import read
from sandbox.plugins.kubernetes.manifest import definitions
from sandbox.tailscale import console

CONTEXTS = ("acme-prod", "globex-prod")
CREDENTIAL = "operator-oauth-1"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
POLICY = """{
	"tagOwners": {
		"tag:support-access-deployer": ["autogroup:admin"],
		"tag:kube-acme-prod":          ["tag:support-access-deployer"],
		"tag:k8s-operator-acme":       ["tag:support-access-deployer"],
		"tag:k8s-acme":                ["tag:k8s-operator-acme"],
		"tag:svc-acme-prod-web":       ["tag:kube-acme-prod"],
		"tag:api-acme-prod":           ["tag:kube-acme-prod"],
		"tag:elsewhere":               ["tag:support-access-deployer"],
	},
	"autoApprovers": {"routes": {"10.20.0.0/24": ["tag:svc-acme-prod-web"]}},
}
"""
RBAC = "/apis/rbac.authorization.k8s.io/v1"
OPERATOR_TAGS = ["tag:k8s-operator-acme", "tag:kube-acme-prod"]


def eventually(condition: Callable[[], Any], seconds: float = 20) -> Any:
    """The first true value of `condition`, which is asked again and again."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"did not come true within {seconds} s"
        time.sleep(0.1)
    return value


class Tailnet:
    """A Tailscale API of its own, seen with an administrator's key."""

    def __init__(self, url: str, state: Any) -> None:
        self.url, self.admin_key, self._state = url, console.new_admin_key(state), state
        self._http = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {self.admin_key}"}, trust_env=False)

    def client(self, scopes: list[str], tags: list[str]) -> dict[str, str]:
        """A new OAuth client, as the content of the operator's Secret."""
        client_id, secret = console.new_oauth_client(self._state, scopes, tags)
        return {"client_id": client_id, "client_secret": secret}

    def devices(self) -> list[dict[str, Any]]:
        return self._call("GET", "/api/v2/tailnet/-/devices")["devices"]

    def routes(self, hostname: str) -> tuple[list[str], list[str]]:
        """Routes that the device offers, and those of them that are approved."""
        devices = self._call("GET", "/api/v2/tailnet/-/devices?fields=all")["devices"]
        found = next(device for device in devices if device["hostname"] == hostname)
        return found["advertisedRoutes"], found["enabledRoutes"]

    def services(self) -> list[dict[str, Any]]:
        """Tailscale Services."""
        return self._call("GET", "/api/v2/tailnet/-/vip-services")["vipServices"]

    def online(self) -> list[dict[str, Any]]:
        return [device for device in self.devices() if device["connectedToControl"]]

    def delete_device(self, device: dict[str, Any]) -> None:
        self._call("DELETE", f"/api/v2/device/{device['nodeId']}")

    def revoke(self, client: dict[str, str]) -> None:
        self._call("DELETE", f"/api/v2/tailnet/-/keys/{client['client_id']}")

    def minted(self) -> int:
        """How often an auth key was asked for, with or without success."""
        calls = self._call("GET", "/sandbox/calls")
        return sum(call["method"] == "POST" and call["path"].endswith("/keys") for call in calls)

    def fail(self, fault: dict[str, Any]) -> None:
        self._call("PUT", "/sandbox/faults", [fault])

    def close(self) -> None:
        self._http.close()

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._http.request(method, path, json=body)
        answer.raise_for_status()
        return answer.json() if answer.content else None


class Kubernetes:
    """One cluster as its administrator sees it, and the release in namespace `namespace`."""

    def __init__(self, helm: Path, chart_file: Path, kubeconfig: Path, context: str, namespace: str) -> None:
        endpoint = read(kubeconfig, context)
        self._http = httpx.Client(base_url=endpoint.server, verify=endpoint.administrator, trust_env=False)
        self._helm = [str(helm), "--kubeconfig", str(kubeconfig), "--kube-context", context, "-n", namespace]
        self._chart, self.namespace, self.context = str(chart_file), namespace, context
        self.core = f"/api/v1/namespaces/{namespace}"
        self.deployment = f"/apis/apps/v1/namespaces/{namespace}/deployments/operator"
        self._released = False
        self._exposed: list[str] = []
        self._bound: list[str] = []
        self.call("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})

    def call(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Content-Type": "application/merge-patch+json"} if method == "PATCH" else {}
        answer = self._http.request(method, path, json=body, headers=headers)
        assert answer.is_success, answer.text
        return answer.json()

    def find(self, path: str) -> Any:
        answer = self._http.get(path)
        return None if answer.status_code == 404 else answer.json()

    def secret(self, name: str, content: dict[str, str]) -> None:
        data = {key: base64.b64encode(value.encode()).decode() for key, value in content.items()}
        self.call("POST", f"{self.core}/secrets", {"metadata": {"name": name}, "data": data})

    def content(self, name: str) -> dict[str, str]:
        data = self.find(f"{self.core}/secrets/{name}")["data"]
        return {key: base64.b64decode(value).decode() for key, value in data.items()}

    def install(self, **operator: Any) -> None:
        """Installs or upgrades the real chart, as the program does it; `operator` goes to operatorConfig."""
        values = {
            "installCRDs": False,  # a hundred kilobytes each: they are there already
            "oauthSecretVolume": {"secret": {"secretName": operator.pop("credential", CREDENTIAL)}},
            "operatorConfig": {
                "defaultTags": OPERATOR_TAGS,
                "hostname": "acme-prod-kube",
                "image": {"tag": "v1.96.5"},
                "extraEnv": [{"name": "AUTH_PROXY", "value": "true"}],
            }
            | operator,
            "proxyConfig": {"defaultTags": "tag:k8s-acme"},
            "apiServerProxyConfig": {"mode": ""},
        }
        self._released = True
        self._run("upgrade", "--install", "tailscale-operator", self._chart, "-f", "-", values=values)

    def uninstall(self) -> None:
        self._run("uninstall", "tailscale-operator", "--ignore-not-found")

    def expose(self, name: str, annotations: dict[str, str]) -> str:
        """Makes an exposed Service and returns its path."""
        meta = {"name": name, "annotations": {"tailscale.com/expose": "true", **annotations}}
        self.call("POST", f"{self.core}/services", {"metadata": meta, "spec": {"ports": [{"port": 80}]}})
        self._exposed.append(f"{self.core}/services/{name}")
        return self._exposed[-1]

    def make(self, collection: str, body: dict[str, Any]) -> str:
        """Makes an object, until `close`, and returns its path."""
        self.call("POST", collection, body)
        self._exposed.append(f"{collection}/{body['metadata']['name']}")
        return self._exposed[-1]

    def bind(self, name: str, rules: list[dict[str, Any]], subject: dict[str, str]) -> None:
        """Makes a ClusterRole with these rules and binds it to the subject, until `close`."""
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": f"{self.namespace}-{name}"}
        meta = {"name": role["name"]}
        for kind, body in (
            ("clusterroles", {"metadata": meta, "rules": rules}),
            ("clusterrolebindings", {"metadata": meta, "roleRef": role, "subjects": [subject]}),
        ):
            self.call("POST", f"{RBAC}/{kind}", body)
            self._bound.append(f"{RBAC}/{kind}/{role['name']}")

    def pod(self) -> dict[str, Any]:
        """The one pod of the operator that is not on its way out."""
        pods = self.find(f"{self.core}/pods?labelSelector=app%3Doperator")["items"]
        living = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]
        return living[0] if living else {}

    def restarts(self) -> int:
        return sum(s["restartCount"] for s in self.pod().get("status", {}).get("containerStatuses", []))

    def available(self) -> bool:
        return self.find(self.deployment).get("status", {}).get("availableReplicas") == 1

    def warnings(self, kind: str) -> str:
        """All warnings about objects of `kind`, a line each: reason and message."""
        events = self.find(f"{self.core}/events?fieldSelector=involvedObject.kind%3D{kind},type%3DWarning")
        return "\n".join(f"{event['reason']} {event['message']}" for event in events["items"])

    def close(self) -> None:
        """Leaves nothing that the next test's operator, which looks at all namespaces, could find."""
        if self._released:
            self.uninstall()
        for path in self._bound:
            self.call("DELETE", path)
        for path in self._exposed:
            if self.find(path):
                self.call("PATCH", path, {"metadata": {"finalizers": None}})
            if self.find(path):
                self.call("DELETE", path)
        self.call("DELETE", f"/apis/apps/v1/namespaces/{self.namespace}/statefulsets")
        eventually(lambda: not self.find(f"{self.core}/pods")["items"])
        self.call("DELETE", f"/api/v1/namespaces/{self.namespace}")  # takes ten seconds, which nobody waits for
        self._http.close()

    def _run(self, *arguments: str, values: Any = None) -> None:
        text = yaml.safe_dump(values) if values else None
        done = subprocess.run([*self._helm, *arguments], input=text, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


class StandIn:
    """The stand-in as a process, with what it printed."""

    def __init__(self, kubeconfig: Path, tailnet: Tailnet, folder: Path) -> None:
        self.output = folder / "operator.log"
        contexts = [f"--context={context}" for context in CONTEXTS]
        command = [sys.executable, "-m", "sandbox.operator", f"--kubeconfig={kubeconfig}", *contexts]
        with self.output.open("wb") as output:
            self._process = subprocess.Popen(
                [*command, f"--tailscale={tailnet.url}"],
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def stop(self) -> int:
        """Ends it; its exit code."""
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(5)
        finally:
            self._process.kill()
            self._process.wait()


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of two running clusters."""
    found = tools.locate()
    missing = {"etcd", "kube-apiserver", "kube-controller-manager", "helm"} - found.keys()
    assert not missing, f"make tools: missing are {missing}"
    folder = tmp_path_factory.mktemp("clusters")
    try:
        cluster.start(folder, CONTEXTS, found, lambda _: None)
        define_custom_resources(folder / "kubeconfig")
        yield folder
    finally:
        cluster.stop(folder, 15)


def define_custom_resources(kubeconfig: Path) -> None:
    """The operator's definitions in every cluster, for the session: without them it would not run."""
    files = sorted((tools.module_folder(chart.PINNED, chart.MODULE) / chart.DEPLOY / "crds").glob("*.yaml"))
    found = [definition for file in files for definition in definitions(file.read_text())]
    for context in CONTEXTS:
        endpoint = read(kubeconfig, context)
        with httpx.Client(base_url=endpoint.server, verify=endpoint.administrator, trust_env=False) as http:
            for definition in found:
                http.post(DEFINITIONS, json=definition).raise_for_status()
            names = [definition["metadata"]["name"] for definition in found]
            eventually(lambda names=names, http=http: all(_is_served(http, name) for name in names))


def _is_served(http: httpx.Client, name: str) -> bool:
    conditions = http.get(f"{DEFINITIONS}/{name}").json().get("status", {}).get("conditions") or []
    return any(one["type"] == "Established" and one["status"] == "True" for one in conditions)


@pytest.fixture(scope="session")
def chart_file() -> Path:
    """The packaged chart."""
    return next(chart.repository(tools.locate()["helm"]).glob("*.tgz"))


@pytest.fixture
def tailnet() -> Iterator[Tailnet]:
    """A tailnet with the policy above and no devices."""
    from sandbox.tailscale.app import create_app
    from sandbox.tailscale.state import State

    state = State()
    console.seed(state, POLICY)
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(create_app(state), log_config=None, timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    tailnet = Tailnet(f"http://127.0.0.1:{listener.getsockname()[1]}", state)
    try:
        yield tailnet
    finally:
        tailnet.close()
        server.should_exit = True
        thread.join()
        listener.close()


@pytest.fixture
def stand_in(folder: Path, tailnet: Tailnet, tmp_path: Path) -> Iterator[StandIn]:
    """The operator stand-in, playing in both clusters."""
    process = StandIn(folder / "kubeconfig", tailnet, tmp_path)
    try:
        yield process
    finally:
        process.stop()


@pytest.fixture
def clusters(folder: Path, chart_file: Path, request: pytest.FixtureRequest) -> Iterator[list[Kubernetes]]:
    """Both clusters, with an empty namespace of this test's own in each."""
    name = request.node.name.replace("_", "-")[:40].strip("-") + f"-{time.monotonic_ns() % 10**6}"
    helm = tools.locate()["helm"]
    found = [Kubernetes(helm, chart_file, folder / "kubeconfig", context, name) for context in CONTEXTS]
    try:
        yield found
    finally:
        for one in found:
            one.close()


@pytest.fixture
def acme(clusters: list[Kubernetes]) -> Kubernetes:
    """The first of the two clusters."""
    return clusters[0]
