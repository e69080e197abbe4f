"""The node's part: runs the pods of operators, of their proxies and of the program's own Jobs in one cluster, with the
administrator's credential.

Owns mounting (a pod waits while a Secret that it names is missing), ServiceAccount tokens, starting
processes and starting them again with back-off when they end, pod status, and the events that a kubelet
writes. What runs inside has only what is handed to it here. Deployment and StatefulSet status follow from
pod status, by the real controllers. A pod that is gone takes its process with it. All other pods stay
pending. An API server that goes away is waited for; everything else that fails here is a fault and ends the
run.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import time
from datetime import UTC, datetime

import httpx

from sandbox.operator import pod as pods
from sandbox.operator import task
from sandbox.operator.api_proxy import CONFIG_VARIABLE, ApiProxy
from sandbox.operator.container import Fatal
from sandbox.operator.kube import Kube, Object, Refused
from sandbox.operator.kubeconfig import Endpoint
from sandbox.operator.process import Operator
from sandbox.operator.proxy import Proxy
from sandbox.operator.recorder import TsRecorder

# A tenth of the kubelet's 10 s to 300 s, so that a restart can be waited for.
FIRST_BACK_OFF_SECONDS, LAST_BACK_OFF_SECONDS = 1.0, 30.0
TOKEN_SECONDS = 3600
CREATING = "ContainerCreating"
CANNOT_CREATE = "CreateContainerError"


class Kubelet:
    """Runs pods in the cluster at `endpoint`; `interval` seconds pass between two looks for a missing
    Secret.
    """

    def __init__(self, name: str, endpoint: Endpoint, tailscale: str, interval: float) -> None:
        self._name, self._endpoint, self._tailscale, self._interval = name, endpoint, tailscale, interval
        token = endpoint.token
        self._kube = Kube(endpoint.server, endpoint.administrator, _always(token) if token else None, name="kubelet")

    async def run(self) -> None:
        """Runs until cancelled; then the processes have ended and their devices are marked offline."""
        running: dict[str, asyncio.Task[None]] = {}
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=10) as tailscale, asyncio.TaskGroup() as tasks:
                async for found in self._kube.follow("/api/v1/pods"):
                    wanted = {pod["metadata"]["uid"]: pod for pod in found if _is_ours(pod)}
                    for uid in running.keys() - wanted.keys():
                        running.pop(uid).cancel()
                    for uid in wanted.keys() - running.keys():
                        life = self._run_task if pods.is_task(wanted[uid]) else self._run
                        running[uid] = tasks.create_task(life(wanted[uid], tailscale))
        finally:
            await self._kube.close()

    async def _run(self, pod: Object, tailscale: httpx.AsyncClient) -> None:
        """One pod's life: wait for its mounts, run its process, again after each end."""
        container = _container(pod)
        restarts = 0
        while True:
            files = await self._mount(pod, container, restarts)
            try:
                await self._show(pod, container, restarts)
                await self._process(pod, container, files, tailscale)
            except Fatal as fatal:
                self._say(pod, f"ended: {fatal}")
                restarts += 1
                await self._show(pod, container, restarts, "CrashLoopBackOff", str(fatal))
                message = f"Back-off restarting failed container {container}: {fatal}"
                await self._event(pod, "BackOff", message)
                await asyncio.sleep(min(FIRST_BACK_OFF_SECONDS * 2 ** (restarts - 1), LAST_BACK_OFF_SECONDS))

    async def _run_task(self, pod: Object, _tailscale: httpx.AsyncClient) -> None:
        """The life of a Job's pod: its process runs once, and how it ended stays in its status."""
        container = pod["spec"]["containers"][0]["name"]
        reason = task.unplayable(pod)
        if reason is not None:
            self._say(pod, f"does not start: {reason}")
            await self._show(pod, container, 0, CANNOT_CREATE, reason)
            return
        await self._show(pod, container, 0)
        self._say(pod, "runs")
        ended = await task.run(pod)
        self._say(pod, f"ended with {ended.code}")
        state = {
            "terminated": {
                "exitCode": ended.code,
                "reason": "Error" if ended.code else "Completed",
                "message": ended.message,
            }
        }
        await self._write(pod, "Failed" if ended.code else "Succeeded", container, state)

    async def _process(self, pod: Object, container: str, files: dict[str, str], tailscale: httpx.AsyncClient) -> None:
        """Runs the container's process to its end, with a client that has the pod's own token and nothing
        else.
        """
        env, version = pods.environment(pod, container), pods.version(pod, container)
        token = _ServiceAccountToken(self._kube, pod)
        kube = Kube(self._endpoint.server, self._endpoint.anonymous, token, name=f"tailscale-{container}")

        def say(text: str) -> None:
            self._say(pod, text)

        try:
            if container == "operator":
                process = Operator(
                    kube,
                    tailscale,
                    pod=pod,
                    env=env,
                    files=files,
                    tokens={
                        path: _ServiceAccountToken(self._kube, pod, audience, seconds)
                        for path, audience, seconds in pods.token_mounts(pod, container)
                    },
                    version=version,
                    tailscale=self._tailscale,
                    say=say,
                )
            elif container == "recorder":
                process = TsRecorder(
                    kube,
                    tailscale,
                    namespace=pod["metadata"]["namespace"],
                    env=env,
                    files=files,
                    version=version,
                    say=say,
                )
            elif CONFIG_VARIABLE in env:
                process = ApiProxy(kube, tailscale, env=env, version=version, say=say)
            else:
                process = Proxy(
                    kube,
                    tailscale,
                    namespace=pod["metadata"]["namespace"],
                    env=env,
                    version=version,
                    say=say,
                )
            await process.run()
        finally:
            await kube.close()

    async def _mount(self, pod: Object, container: str, restarts: int) -> dict[str, str]:
        """The files of the mounted Secrets, path -> content, as soon as all the Secrets are there."""
        files: dict[str, str] = {}
        complained = False
        for volume, path, secret in pods.secret_mounts(pod, container):
            while (found := await self._find_secret(pod["metadata"]["namespace"], secret)) is None:
                if not complained:
                    complained = True
                    self._say(pod, f"waits for Secret {secret}")
                    message = f'MountVolume.SetUp failed for volume "{volume}" : secret "{secret}" not found'
                    await self._show(pod, container, restarts, CREATING, message)
                    await self._event(pod, "FailedMount", message)
                await asyncio.sleep(self._interval)
            for key, value in (found.get("data") or {}).items():
                files[f"{path}/{key}"] = base64.b64decode(value).decode()
        return files

    async def _find_secret(self, namespace: str, name: str) -> Object | None:
        with contextlib.suppress(Refused, httpx.TransportError):  # then it is not there yet, either
            return await self._kube.find(f"/api/v1/namespaces/{namespace}/secrets/{name}")
        return None

    async def _show(self, pod: Object, container: str, restarts: int, reason: str = "", message: str = "") -> None:
        """Writes the pod's status: waiting for `reason`, or running, and ready at once, as the chart has no probes."""
        waiting = {"waiting": {"reason": reason, "message": message[:512]}}
        state = waiting if reason else {"running": {"startedAt": _now()}}
        phase = "Pending" if reason in (CREATING, CANNOT_CREATE) else "Running"
        await self._write(pod, phase, container, state, restarts)

    async def _write(self, pod: Object, phase: str, container: str, state: Object, restarts: int = 0) -> None:
        runs = "running" in state
        status = {
            "phase": phase,
            "startTime": pod["metadata"]["creationTimestamp"],
            "conditions": [
                {"type": kind, "status": value, "lastTransitionTime": _now()}
                for kind, value in [
                    ("PodScheduled", "True"),
                    ("Initialized", "True"),
                    ("ContainersReady", str(runs)),
                    ("Ready", str(runs)),
                ]
            ],
            "containerStatuses": [
                {
                    "name": container,
                    "image": pods.image(pod, container),
                    "imageID": "",
                    "ready": runs,
                    "started": runs,
                    "restartCount": restarts,
                    "state": state,
                }
            ],
        }
        with contextlib.suppress(Refused, httpx.TransportError):  # the pod may be gone by now
            await self._kube.merge(f"{_path(pod)}/status", {"status": status})

    async def _event(self, pod: Object, reason: str, message: str) -> None:
        with contextlib.suppress(Refused, httpx.TransportError):  # as above; in a namespace that ends none is made
            await self._kube.event(pod, "Warning", reason, message)

    def _say(self, pod: Object, text: str) -> None:
        meta = pod["metadata"]
        print(f"{self._name} {meta['namespace']}/{meta['name']}: {text}", flush=True)


class _ServiceAccountToken:
    """A token that is projected into a pod: bound to it, for `audience` (the API server, when left out), renewed after
    four fifths of its life.
    """

    def __init__(self, kube: Kube, pod: Object, audience: str = "", seconds: int = TOKEN_SECONDS) -> None:
        self._kube, self._pod, self._seconds = kube, pod, seconds
        self._audiences = {"audiences": [audience]} if audience else {}
        self._token, self._renew = "", 0.0

    async def __call__(self) -> str:
        if time.monotonic() >= self._renew:
            meta, account = self._pod["metadata"], self._pod["spec"]["serviceAccountName"]
            bound = {"apiVersion": "v1", "kind": "Pod", "name": meta["name"], "uid": meta["uid"]}
            answer = await self._kube.create(
                f"/api/v1/namespaces/{meta['namespace']}/serviceaccounts/{account}/token",
                {"spec": {"expirationSeconds": self._seconds, "boundObjectRef": bound, **self._audiences}},
            )
            self._token, self._renew = answer["status"]["token"], time.monotonic() + self._seconds * 0.8
        return self._token


def _always(token: str):
    async def administrator() -> str:
        return token

    return administrator


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _container(pod: Object) -> str:
    """The one that is played."""
    if pods.is_recorder(pod):
        return "recorder"
    return "operator" if pods.is_operator(pod) else "tailscale"


def _is_ours(pod: Object) -> bool:
    played = pods.is_operator(pod) or pods.is_proxy(pod) or pods.is_recorder(pod) or pods.is_task(pod)
    return played and "deletionTimestamp" not in pod["metadata"]


def _path(pod: Object) -> str:
    return f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"
