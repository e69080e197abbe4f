"""The way to one cluster, and the verdict whether it can be reached, made once.

Owns the provider's settings, the API client with its time limits, the temporary kubeconfig that Helm gets, and the
words of the verdict. Makes no request after the verdict. Dies with `close`, which removes the temporary folder.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sandbox.plugins.kubernetes import kubeconfig
from sandbox.plugins.kubernetes.cluster import Cluster

# client-go gives a TLS handshake 10 s; a request that is under way may take long (a slow admission webhook).
HANDSHAKE_SECONDS = 10.0
_ANSWER_SECONDS = 60.0
_PREFIX = "kubernetes:config:"
_SETUP = (
    "unable to load Kubernetes client configuration from kubeconfig file. Make sure you have: \n\n"
    " \t • set up the provider as per https://www.pulumi.com/registry/packages/kubernetes/"
    "installation-configuration/ \n\n "
)


@dataclass(frozen=True)
class Settings:
    """The provider's configuration, the environment standing in for what is not set."""

    kubeconfig: str | None = None
    context: str | None = None
    cluster: str | None = None
    namespace: str | None = None
    delete_unreachable: bool = False
    skip_update_unreachable: bool = False
    server_side_apply: bool = True
    patch_force: bool = False
    upsert_existing: bool = False
    secret_mutable: bool = False
    config_map_mutable: bool = False

    @classmethod
    def read(cls, variables: Mapping[str, str], environment: Mapping[str, str]) -> Settings:
        """From the engine's variables (`kubernetes:config:<name>`) and PULUMI_K8S_*; a variable wins."""

        def text(name: str) -> str | None:
            return variables.get(_PREFIX + name) or None

        def flag(name: str, variable: str, default: bool = False) -> bool:
            value = variables.get(_PREFIX + name, environment.get(variable))
            return default if value is None else value == "true"

        return cls(
            kubeconfig=text("kubeconfig"),
            context=text("context"),
            cluster=text("cluster"),
            namespace=text("namespace"),
            delete_unreachable=flag("deleteUnreachable", "PULUMI_K8S_DELETE_UNREACHABLE"),
            skip_update_unreachable=flag("skipUpdateUnreachable", "PULUMI_K8S_SKIP_UPDATE_UNREACHABLE"),
            server_side_apply=flag("enableServerSideApply", "PULUMI_K8S_ENABLE_SERVER_SIDE_APPLY", True),
            patch_force=flag("enablePatchForce", "PULUMI_K8S_ENABLE_PATCH_FORCE"),
            upsert_existing=flag("upsertExistingObjects", "PULUMI_K8S_UPSERT_EXISTING_OBJECTS"),
            secret_mutable=flag("enableSecretMutable", "PULUMI_K8S_ENABLE_SECRET_MUTABLE"),
            config_map_mutable=flag("enableConfigMapMutable", "PULUMI_K8S_ENABLE_CONFIGMAP_MUTABLE"),
        )


@dataclass
class Connection:
    """What the verdict leaves: a cluster, or the reason why there is none."""

    settings: Settings
    namespace: str = "default"
    cluster: Cluster | None = None
    unreachable: str | None = None
    helm_flags: list[str] = field(default_factory=list)
    _folder: tempfile.TemporaryDirectory[str] | None = None
    _client: Any = None

    @classmethod
    def open(
        cls, settings: Settings, environment: Mapping[str, str], handshake_seconds: float = HANDSHAKE_SECONDS
    ) -> Connection:
        """Decide. Blocks for at most two handshakes; never raises for a cluster that is not there."""
        connection = cls(settings, namespace=settings.namespace or "default")
        try:
            target = connection._choose(environment)
        except kubeconfig.KubeconfigError as error:
            connection.unreachable = (
                f"failed to parse kubeconfig data in `kubernetes:config:kubeconfig`- {error}"
                if isinstance(error, _UnreadableError)
                else _SETUP + str(error)
            )
            return connection
        connection.namespace = target.namespace
        connection._folder = tempfile.TemporaryDirectory(prefix="pulumi-kubernetes-")
        try:
            connection._reach(target, Path(connection._folder.name), handshake_seconds)
        except BaseException:
            connection.close()
            raise
        return connection

    def _reach(self, target: kubeconfig.Target, folder: Path, handshake_seconds: float) -> None:
        self.helm_flags = _helm_flags(target, folder)
        try:
            self._client = _client(target, handshake_seconds)
        except kubeconfig.KubeconfigError as error:
            self.unreachable = _SETUP + str(error)
            return
        problem = None
        # The real plugin asks for the version, lets that fail, and judges by the schema: two handshakes.
        for path in ("/version", "/openapi/v2"):
            problem = _problem(self._client, target.server, path)
        if problem is not None:
            self.unreachable = f"unable to load schema information from the API server: {problem}"
        else:
            self.cluster = Cluster(self._client, folder / "discovery.json")

    def _choose(self, environment: Mapping[str, str]) -> kubeconfig.Target:
        settings = self.settings
        if settings.kubeconfig:
            try:
                config = kubeconfig.parse(settings.kubeconfig)
            except kubeconfig.KubeconfigError as error:
                raise _UnreadableError(str(error)) from error
        else:
            config = kubeconfig.ambient(environment)
        return kubeconfig.choose(config, settings.context, settings.cluster, settings.namespace)

    def close(self) -> None:
        """Hang up, and remove the temporary kubeconfig. Safe to call twice."""
        if self._client is not None:
            self._client.rest_client.pool_manager.clear()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None


class _UnreadableError(kubeconfig.KubeconfigError):
    """The provider's own `kubeconfig` argument is no kubeconfig."""


def _helm_flags(target: kubeconfig.Target, folder: Path) -> list[str]:
    """The same target for the helm command: a kubeconfig that only this user may read (the folder is 0700)."""
    path = folder / "kubeconfig"
    path.touch(mode=0o600)
    path.write_text(json.dumps(target.config))
    return ["--kubeconfig", str(path), "--kube-context", target.context]


def _client(target: kubeconfig.Target, handshake_seconds: float) -> Any:
    """The official API client for `target`: no retries, and time limits on every request."""
    import urllib3
    from kubernetes.client.api_client import ApiClient
    from kubernetes.client.configuration import Configuration
    from kubernetes.config.config_exception import ConfigException
    from kubernetes.config.kube_config import load_kube_config_from_dict

    class LimitedClient(ApiClient):
        def request(self, *args: Any, _request_timeout: Any = None, **kwargs: Any) -> Any:
            limits = _request_timeout or (handshake_seconds, _ANSWER_SECONDS)
            return super().request(*args, _request_timeout=limits, **kwargs)

    configuration = Configuration()
    try:
        load_kube_config_from_dict(target.config, client_configuration=configuration, persist_config=False)
    except (ConfigException, OSError, ValueError) as error:  # a certificate is missing or none, a command fails
        raise kubeconfig.KubeconfigError(str(error)) from error
    configuration.retries = urllib3.Retry(0)  # type: ignore[assignment] (the client documents an int)
    if not configuration.verify_ssl:
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    return LimitedClient(configuration)


def _problem(client: Any, server: str, path: str) -> str | None:
    """None when the server answers GET `path`, else why not, in client-go's words."""
    from kubernetes.client.exceptions import ApiException
    from urllib3.exceptions import HTTPError

    # The real plugin reads the whole schema (megabytes) at /openapi/v2; its index at v3 takes the same permission.
    asked = "/openapi/v3" if path == "/openapi/v2" else path
    try:
        answer = client.call_api(asked, "GET", auth_settings=["BearerToken"], _preload_content=False)
        answer.drain_conn()
        answer.release_conn()
    except ApiException as error:
        if error.status == 401:
            return "the server has asked for the client to provide credentials"
        if error.status:
            return f"the server answered {error.status} {error.reason}"
        return f'Get "{server}{path}": {error.reason}'
    except HTTPError as error:
        return f'Get "{server}{path}?timeout=32s": {_transport_problem(error, server)}'
    return None


def _transport_problem(error: Any, server: str) -> str:
    """The words of Go's net package for what urllib3 met."""
    from urllib3 import exceptions

    reason = getattr(error, "reason", None) or error
    url = urlsplit(server)
    address = f"{url.hostname}:{url.port or 443}"
    if isinstance(reason, exceptions.NameResolutionError):
        return f"dial tcp: lookup {url.hostname}: no such host"
    if isinstance(reason, exceptions.ReadTimeoutError):  # connected, but no TLS handshake: urllib3 counts it as read
        return "net/http: TLS handshake timeout"
    if isinstance(reason, exceptions.NewConnectionError):
        return f"dial tcp {address}: connect: connection refused"
    if isinstance(reason, exceptions.ConnectTimeoutError):
        return f"dial tcp {address}: i/o timeout"
    return str(reason)
