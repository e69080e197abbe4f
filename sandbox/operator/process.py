"""The operator's process: from its environment to a device that is online, and what it runs proxies for.

Owns what `cmd/k8s-operator` v1.96.5 does at its start and while it runs: refusing contradicting settings,
reading both credential files or the cluster's token, logging in only in state NeedsLogin. Everything in the
cluster is done with the pod's own ServiceAccount. A device that is deleted under a running process stays cut
off until the process starts again. The process ends (`Fatal`) where the real one calls log.Fatal; the kubelet
starts it again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from sandbox.operator.connector import Connectors
from sandbox.operator.container import Fatal, Say
from sandbox.operator.controller import Controller
from sandbox.operator.exposure import Exposure
from sandbox.operator.ingress import Ingresses
from sandbox.operator.kube import Kube, Object, Refused, Token
from sandbox.operator.node import Node
from sandbox.operator.proxies import Proxies
from sandbox.operator.proxy_class import ProxyClasses
from sandbox.operator.proxy_group import ProxyGroups
from sandbox.operator.reconciler import Reconciler
from sandbox.operator.recorder import Recorders
from sandbox.operator.tailnet import Control, Credential, FederatedCredential, Refusal
from sandbox.operator.tasks import until_one_fails

TOKEN_FILE = "/var/run/secrets/tailscale/serviceaccount/token"  # noqa: S105 - a path, fixed in the binary
BROKEN_FEDERATION = ((1, 98, 0), (1, 98, 3))  # the first and the last version that hand in the wrong token


@dataclass(frozen=True)
class Settings:
    """What the environment tells the operator. `proxy_mode` is the API server proxy's mode: auth, noauth or
    off.
    """

    namespace: str
    hostname: str
    tags: list[str]
    proxy_tags: list[str]
    proxy_image: str
    state_secret: str
    login_server: str
    client_id: str
    id_file: str
    secret_file: str
    proxy_mode: str
    k8s_proxy_image: str
    proxy_class: str


def settings(env: Mapping[str, str]) -> Settings:
    """Reads the environment as the real binary does; `Fatal` where that refuses to start."""
    mode = _proxy_mode(env)
    if not env.get("CLIENT_ID") and not (env.get("CLIENT_ID_FILE") and env.get("CLIENT_SECRET_FILE")):
        raise Fatal("CLIENT_ID_FILE and CLIENT_SECRET_FILE must be set")
    return Settings(
        namespace=env["OPERATOR_NAMESPACE"],
        hostname=env.get("OPERATOR_HOSTNAME") or "tailscale-operator",
        tags=(env.get("OPERATOR_INITIAL_TAGS") or "tag:k8s-operator").split(","),
        proxy_tags=(env.get("PROXY_TAGS") or "tag:k8s").split(","),
        proxy_image=env.get("PROXY_IMAGE") or "tailscale/tailscale:latest",
        state_secret=env.get("OPERATOR_SECRET", ""),
        login_server=env.get("OPERATOR_LOGIN_SERVER", "").removesuffix("/"),
        client_id=env.get("CLIENT_ID", ""),
        id_file=env.get("CLIENT_ID_FILE", ""),
        secret_file=env.get("CLIENT_SECRET_FILE", ""),
        proxy_mode=mode,
        k8s_proxy_image=env.get("K8S_PROXY_IMAGE") or "tailscale/k8s-proxy:latest",
        proxy_class=env.get("PROXY_DEFAULT_CLASS", ""),
    )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


def _proxy_mode(env: Mapping[str, str]) -> str:
    old, new = env.get("AUTH_PROXY", ""), env.get("APISERVER_PROXY", "")
    if old and new:
        raise Fatal("AUTH_PROXY (deprecated) and APISERVER_PROXY are mutually exclusive, please unset AUTH_PROXY")
    if old:
        return "auth" if old.lower() in ("1", "t", "true") else "off"
    modes = {"true": "auth", "noauth": "noauth", "false": "off", "": "off"}
    if new not in modes:
        raise Fatal(f'panic: unknown APISERVER_PROXY value "{new}"')
    return modes[new]


class Operator:
    """One process of the operator; `files` is what is mounted at its start, `tokens` what is kept fresh there, both by
    path; `pod` is what its events are about.
    """

    def __init__(
        self,
        kube: Kube,
        http: httpx.AsyncClient,
        *,
        pod: Object,
        env: Mapping[str, str],
        files: Mapping[str, str],
        tokens: Mapping[str, Token],
        version: str,
        tailscale: str,
        say: Say,
    ) -> None:
        self._kube, self._http, self._pod, self._say = kube, http, pod, say
        self._env, self._files, self._tokens = env, files, tokens
        self._version, self._tailscale = version, tailscale

    async def run(self) -> None:
        """Runs until cancelled; raises `Fatal` when the real process would end."""
        chosen = settings(self._env)
        base = chosen.login_server or self._tailscale
        credential = self._credential(chosen, base)
        node = Node(
            self._kube,
            Control(self._http, base, self._version),
            namespace=chosen.namespace,
            secret=chosen.state_secret,
            hostname=chosen.hostname,
        )

        async def auth_key() -> str:
            try:
                return await credential.mint(chosen.tags)
            except (Refusal, httpx.TransportError) as error:
                message = f"creating operator authkey: {error}"
                await self._kube.event(self._pod, "Warning", "LoginRefused", message)
                raise Fatal(message) from error

        try:
            registration = await node.start(auth_key)
        except Refused as refused:
            raise Fatal(f"keeping state in Secret {chosen.state_secret}: {refused}") from refused
        except (Refusal, httpx.TransportError) as error:
            raise Fatal(f"starting tailscale: {error}") from error
        if registration:
            self._say(f"registered {registration.name} ({registration.node_id}) with {', '.join(chosen.tags)}")
        else:
            self._say(f"running with the identity in Secret {chosen.state_secret}")
        self._say(f"API server proxy: {chosen.proxy_mode}")
        reconcilers = [Reconciler(self._kube, one, self._say) for one in self._controllers(chosen, credential, base)]
        await until_one_fails(node.stay(self._say), *(reconciler.run() for reconciler in reconcilers))

    def _controllers(self, chosen: Settings, credential: Credential, base: str) -> list[Controller]:
        namespace = chosen.namespace
        proxies = Proxies(
            self._kube,
            credential,
            namespace=namespace,
            tags=chosen.proxy_tags,
            default_class=chosen.proxy_class,
            image=chosen.proxy_image,
            login_server=base,
        )
        recorder = f"tailscale/tsrecorder:v{self._version}"
        return [
            Exposure(self._kube, proxies, self._say),
            Ingresses(self._kube, proxies, self._say),
            Connectors(self._kube, proxies, self._say),
            ProxyClasses(self._kube, self._say),
            ProxyGroups(
                self._kube,
                credential,
                namespace=namespace,
                state_secret=chosen.state_secret,
                default_tags=chosen.proxy_tags,
                default_class=chosen.proxy_class,
                image=chosen.k8s_proxy_image,
                login_server=base,
                say=self._say,
            ),
            Recorders(self._kube, credential, namespace=namespace, image=recorder, login_server=base, say=self._say),
        ]

    def _credential(self, chosen: Settings, base: str) -> Credential:
        """CLIENT_ID wins, as in newTSClient; then no file is read before the first exchange."""
        if not chosen.client_id:
            return Credential(self._http, base, *(self._read(f) for f in (chosen.id_file, chosen.secret_file)))
        twice = BROKEN_FEDERATION[0] <= _numbers(self._version) <= BROKEN_FEDERATION[1]
        return FederatedCredential(self._http, base, chosen.client_id, self._token, twice=twice)

    async def _token(self) -> str:
        if TOKEN_FILE not in self._tokens:
            message = f'error reading JWT from "{TOKEN_FILE}": open {TOKEN_FILE}: no such file or directory'
            raise Fatal(f"creating operator authkey: {message}")
        return await self._tokens[TOKEN_FILE]()

    def _read(self, path: str) -> str:
        if path not in self._files:
            raise Fatal(f'error creating Tailscale client: reading "{path}": no such file or directory')
        return self._files[path]
