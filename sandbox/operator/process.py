"""The operator's process: from its environment to a device that is online, and the Services it exposes.

Owns what `cmd/k8s-operator` v1.96.5 does at its start and while it runs: refusing contradicting settings,
reading both credential files, logging in only in state NeedsLogin. Everything in the cluster is done with
the pod's own ServiceAccount. A device that is deleted under a running process stays cut off until the
process starts again. The process ends (`Fatal`) where the real one calls log.Fatal; the kubelet starts it
again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from sandbox.operator.container import Fatal, Say
from sandbox.operator.exposure import Exposure
from sandbox.operator.kube import Kube, Object, Refused
from sandbox.operator.node import Node
from sandbox.operator.reconciler import Reconciler
from sandbox.operator.tailnet import Control, Credential, Refusal
from sandbox.operator.tasks import until_one_fails


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
    id_file: str
    secret_file: str
    proxy_mode: str


def settings(env: Mapping[str, str]) -> Settings:
    """Reads the environment as the real binary does; `Fatal` where that refuses to start."""
    mode = _proxy_mode(env)
    if env.get("CLIENT_ID"):
        raise Fatal("workload identity federation (CLIENT_ID) is not played by this stand-in; use CLIENT_ID_FILE")
    if not env.get("CLIENT_ID_FILE") or not env.get("CLIENT_SECRET_FILE"):
        raise Fatal("CLIENT_ID_FILE and CLIENT_SECRET_FILE must be set")
    return Settings(
        namespace=env["OPERATOR_NAMESPACE"],
        hostname=env.get("OPERATOR_HOSTNAME") or "tailscale-operator",
        tags=(env.get("OPERATOR_INITIAL_TAGS") or "tag:k8s-operator").split(","),
        proxy_tags=(env.get("PROXY_TAGS") or "tag:k8s").split(","),
        proxy_image=env.get("PROXY_IMAGE") or "tailscale/tailscale:latest",
        state_secret=env.get("OPERATOR_SECRET", ""),
        login_server=env.get("OPERATOR_LOGIN_SERVER", "").removesuffix("/"),
        id_file=env["CLIENT_ID_FILE"],
        secret_file=env["CLIENT_SECRET_FILE"],
        proxy_mode=mode,
    )


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
    """One process of the operator; `files` is what is mounted at its start, `pod` what its events are
    about.
    """

    def __init__(
        self,
        kube: Kube,
        http: httpx.AsyncClient,
        *,
        pod: Object,
        env: Mapping[str, str],
        files: Mapping[str, str],
        version: str,
        tailscale: str,
        say: Say,
    ) -> None:
        self._kube, self._http, self._pod, self._say = kube, http, pod, say
        self._env, self._files = env, files
        self._version, self._tailscale = version, tailscale

    async def run(self) -> None:
        """Runs until cancelled; raises `Fatal` when the real process would end."""
        chosen = settings(self._env)
        base = chosen.login_server or self._tailscale
        credential = Credential(self._http, base, *(self._read(f) for f in (chosen.id_file, chosen.secret_file)))
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
        exposure = Exposure(
            self._kube,
            credential,
            namespace=chosen.namespace,
            tags=chosen.proxy_tags,
            image=chosen.proxy_image,
            login_server=base,
            say=self._say,
        )
        await until_one_fails(node.stay(self._say), Reconciler(self._kube, exposure, self._say).run())

    def _read(self, path: str) -> str:
        if path not in self._files:
            raise Fatal(f'error creating Tailscale client: reading "{path}": no such file or directory')
        return self._files[path]
