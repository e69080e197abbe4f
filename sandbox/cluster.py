"""Real Kubernetes API servers: one etcd, and for each cluster a kube-apiserver and a kube-controller-manager.

One API server per customer environment, because the operator's chart has fixed object names: two environments
cannot share one. They share an etcd, each under a prefix of its own. RBAC and the audit log are on, anonymous
requests are allowed and get what RBAC gives them, service account tokens are signed, namespaces terminate.
There is no scheduler and no node: a pod never runs here. etcd listens on loopback without authentication and
does not sync its disk: nothing in it is meant to last. Its processes die by sandbox.process.stop, its files
with the world's folder.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import httpx
import yaml

from sandbox import kubeconfig, ports, process
from sandbox.certificates import Authority, signing_key

KUBECONFIG = "kubeconfig"
READY_SECONDS = 90.0  # for a cold disk and busy cores; 5 is usual

# What kube-controller-manager runs. Every controller costs watches and processor time, so no others.
CONTROLLERS = {
    "namespace-controller": "a deleted namespace terminates and takes its contents along",
    "serviceaccount-controller": "each namespace has its ServiceAccount `default`",
    "serviceaccount-token-controller": "a Secret of type service-account-token gets its token",
    "root-ca-certificate-publisher-controller": "each namespace has kube-root-ca.crt, as in any cluster",
    "deployment-controller": "the chart's Deployment makes its ReplicaSet",
    "replicaset-controller": "a ReplicaSet makes its pods",
    "statefulset-controller": "the operator's proxies are StatefulSets",
    "job-controller": "a Job makes its pod, and ends with it",
    "garbage-collector-controller": "objects go when their owner goes",
    "clusterrole-aggregation-controller": "the ClusterRoles view, edit and admin have rules",
}

# Who did what, and as whom (impersonatedUser), but no bodies: they hold secrets. The reads of the control
# plane itself, which are most of the traffic, say nothing about access.
AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {
            "level": "None",
            "users": ["system:apiserver", "system:kube-controller-manager"],
            "verbs": ["get", "list", "watch"],
        },
        {
            "level": "None",
            "userGroups": ["system:serviceaccounts:kube-system"],
            "verbs": ["get", "list", "watch"],
        },
        {"level": "None", "resources": [{"group": "coordination.k8s.io", "resources": ["leases"]}]},
        {"level": "Metadata"},
    ],
}


class Cluster:
    """One API server with its controller-manager, its files in `folder`/clusters/`name`.

    `context` is its name in the kubeconfig, `server` its URL, `issuer` what its ServiceAccount tokens call it,
    `audit_log` a file with one JSON event a line.
    """

    def __init__(self, folder: Path, name: str, port: int) -> None:
        self._world = folder
        self._folder = folder / "clusters" / name
        self._folder.mkdir(parents=True)
        self._port = port
        self.context = name
        self.server = f"https://{ports.LOOPBACK}:{port}"
        self.issuer = f"https://oidc.{name}.example"  # each cluster's own, as a cloud gives it; nobody is there
        self.audit_log = self._folder / "audit.log"
        self._authority = Authority(self._folder, f"{name} cluster")
        self._tokens = self._folder / "service-accounts.key"
        signing_key(self._tokens)
        self.admin = self._entry("admin", "system:masters")

    def start_server(self, binary: Path, etcd_port: int) -> process.Process:
        policy = self._folder / "audit-policy.yaml"
        policy.write_text(yaml.safe_dump(AUDIT_POLICY))
        serving = self._authority.server("apiserver")
        flags = {
            "etcd-servers": f"http://{ports.LOOPBACK}:{etcd_port}",
            "etcd-prefix": f"/{self.context}",
            "bind-address": ports.LOOPBACK,
            "advertise-address": ports.LOOPBACK,  # else it looks for a network that this machine may not have
            "endpoint-reconciler-type": "none",  # a loopback address may not stand in Endpoints
            "secure-port": self._port,
            "permit-port-sharing": "true",  # with the reservation of the port
            "tls-cert-file": serving.certificate,
            "tls-private-key-file": serving.key,
            "client-ca-file": self._authority.certificate,
            "authorization-mode": "RBAC",
            "allow-privileged": "true",  # as clusters do; the operator's proxies are privileged
            "service-cluster-ip-range": "10.96.0.0/16",
            "service-account-issuer": self.issuer,
            "service-account-signing-key-file": self._tokens,
            "service-account-key-file": self._tokens,
            "audit-policy-file": policy,
            "audit-log-path": self.audit_log,
        }
        return process.start(self._world, f"apiserver-{self.context}", [binary, *_flags(flags)])

    def start_manager(self, binary: Path) -> process.Process:
        """Call it when the API server is ready: the controller-manager gives up after ten seconds."""
        file = self._folder / "controller-manager.kubeconfig"
        kubeconfig.write(file, {self.context: self._entry("system:kube-controller-manager")}, self.context)
        flags = {
            "kubeconfig": file,
            "controllers": ",".join(CONTROLLERS),
            "use-service-account-credentials": "true",  # each with rights of its own, as in real ones
            "service-account-private-key-file": self._tokens,
            "root-ca-file": self._authority.certificate,
            "leader-elect": "false",
            "secure-port": "0",
        }
        return process.start(self._world, f"controllers-{self.context}", [binary, *_flags(flags)])

    def ready(self) -> bool:
        """Whether the API server says that it is."""
        return self._get("/readyz") is not None

    def populated(self) -> bool:
        """Whether the controllers have done what every cluster starts with."""
        account = self._get("/api/v1/namespaces/default/serviceaccounts/default")
        view = self._get("/apis/rbac.authorization.k8s.io/v1/clusterroles/view")
        return bool(account and view and view.json().get("rules"))

    def facts(self) -> dict[str, str]:
        """Its entry in world.json."""
        return {
            "server": self.server,
            "context": self.context,
            "issuer": self.issuer,
            "audit_log": str(self.audit_log),
        }

    def _get(self, path: str) -> httpx.Response | None:
        context = ssl.create_default_context(cafile=self._authority.certificate)
        context.load_cert_chain(self.admin.client.certificate, self.admin.client.key)
        try:
            response = httpx.get(self.server + path, verify=context, timeout=5, trust_env=False)
        except httpx.TransportError:
            return None
        return response if response.is_success else None

    def _entry(self, user: str, group: str | None = None) -> kubeconfig.Entry:
        return kubeconfig.Entry(self.server, self._authority.certificate, self._authority.client(user, group))


def start(folder: Path, names: Sequence[str], tools: Mapping[str, Path], done: Callable[[str], None]) -> list[Cluster]:
    """Starts a cluster for each of `names`, all at once, and writes `folder`/KUBECONFIG.

    Calls `done` with the name of each step that is finished. What it started runs on when it raises.
    """
    with ports.reserved(2 + len(names)) as (etcd_port, peer_port, *server_ports):
        _start_etcd(folder, tools["etcd"], etcd_port, peer_port)
        done("etcd")
        clusters = [Cluster(folder, name, port) for name, port in zip(names, server_ports, strict=True)]
        servers = [cluster.start_server(tools["kube-apiserver"], etcd_port) for cluster in clusters]
        managers = []
        for cluster, server in zip(clusters, servers, strict=True):
            process.wait_ready(server, cluster.ready, READY_SECONDS)
            managers.append(cluster.start_manager(tools["kube-controller-manager"]))
        for cluster, manager in zip(clusters, managers, strict=True):
            process.wait_ready(manager, cluster.populated, READY_SECONDS)
            done(f"cluster {cluster.context}")
    kubeconfig.write(folder / KUBECONFIG, {cluster.context: cluster.admin for cluster in clusters})
    return clusters


def stop(folder: Path, grace_seconds: float) -> None:
    """Ends what `start` started in `folder`. Servers end at once when what they need still answers: etcd goes last."""
    for names in ("controllers-", "apiserver-", "etcd"):
        process.stop([p for p in process.known(folder) if p.name.startswith(names)], grace_seconds)


def _start_etcd(folder: Path, binary: Path, port: int, peer_port: int) -> None:
    clients, peers = f"http://{ports.LOOPBACK}:{port}", f"http://{ports.LOOPBACK}:{peer_port}"
    flags = {
        "name": "etcd",
        "data-dir": folder / "etcd",
        "unsafe-no-fsync": "true",
        "listen-client-urls": clients,
        "advertise-client-urls": clients,
        "listen-peer-urls": peers,
        "initial-advertise-peer-urls": peers,
        "initial-cluster": f"etcd={peers}",
        "socket-reuse-port": "true",  # with the reservation of the port
    }
    etcd = process.start(folder, "etcd", [binary, *_flags(flags)])

    def healthy() -> bool:
        try:
            return httpx.get(f"{clients}/health", timeout=5, trust_env=False).is_success
        except httpx.TransportError:
            return False

    process.wait_ready(etcd, healthy, READY_SECONDS)


def _flags(values: Mapping[str, str | int | Path]) -> list[str]:
    return [f"--{name}={value}" for name, value in values.items()]
