"""Kubeconfigs: which files are meant, and what they say of a context: the API server, the way to it, the credential.

Owns the reading, as kubectl reads: several files merged, relative paths by file, contradictions refused. A key that is
not known here, or that kubectl no longer obeys, is refused by name, for it may change which API server is meant or who
calls it. Error messages name keys and files, never values: those may be credentials. Opens no connection and runs no
login plugin (login.py, connection.py).
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .problems import ClusterUnknownError

PROXY_SCHEMES = ("http", "https", "socks5")
EXEC_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
_AUTH_PROVIDERS = {
    "gcp": ("which kubectl removed in version 1.26", "the exec plugin gke-gcloud-auth-plugin"),
    "azure": ("which kubectl removed in version 1.26", "the exec plugin kubelogin"),
    "oidc": ("which kubectl deprecates and this program does not run", "an exec plugin, as in `kubectl oidc-login`"),
}
_EXEC_EXTENSION = "client.authentication.k8s.io/exec"


def _kebab(name: str) -> str:
    return name.rstrip("_").replace("_", "-")


class _Entry(BaseModel):
    """A mapping of a kubeconfig. Unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, alias_generator=_kebab)


class Variable(_Entry):
    """An environment variable of a login plugin."""

    name: str
    value: str = Field(default="", repr=False)


class Exec(_Entry):
    """How a login plugin is run. See https://kubernetes.io/docs/reference/access-authn-authz/authentication/."""

    model_config = ConfigDict(alias_generator=lambda name: name)

    apiVersion: str  # noqa: N815 (the key's spelling, as below)
    command: str
    args: tuple[str, ...] = ()
    env: tuple[Variable, ...] = ()
    installHint: str = ""  # noqa: N815
    interactiveMode: Literal["Never", "IfAvailable", "Always", ""] = ""  # noqa: N815
    provideClusterInfo: bool = False  # noqa: N815


class Cluster(_Entry):
    """The API server and the way to it. Files are read: certificate_authority_data holds PEM as base64 either way."""

    server: str = ""
    tls_server_name: str = ""
    insecure_skip_tls_verify: bool = False
    certificate_authority: str = ""
    certificate_authority_data: str = ""
    proxy_url: str = Field(default="", repr=False)
    disable_compression: bool = False
    extensions: Any = None
    api_version: str = ""
    """Without meaning since Kubernetes 1.6; still found in old files."""


class User(_Entry):
    """Who calls. Files of certificate and key are read, as in Cluster; a token's file is read at every call."""

    model_config = ConfigDict(
        alias_generator=lambda name: {"token_file": "tokenFile", "as_": "as"}.get(name) or _kebab(name)
    )

    token: str = Field(default="", repr=False)
    token_file: str = ""
    username: str = ""
    password: str = Field(default="", repr=False)
    client_certificate: str = ""
    client_certificate_data: str = Field(default="", repr=False)
    client_key: str = ""
    client_key_data: str = Field(default="", repr=False)
    as_: str = ""
    as_uid: str = ""
    as_groups: tuple[str, ...] = ()
    as_user_extra: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    exec: Exec | None = None
    auth_provider: Any = Field(default=None, repr=False)
    extensions: Any = None


class _Context(_Entry):
    cluster: str = ""
    user: str = ""
    namespace: str = ""
    extensions: Any = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """What a kubeconfig says of one context.

    plugin_config: the cluster's extension for a login plugin, with its types. warnings: what weakens the connection, a
    sentence each.
    """

    context: str
    cluster: Cluster
    user: User
    plugin_config: Any = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Named:
    """An entry as it is in a file, and the file, by which its relative paths are resolved."""

    file: Path
    contents: Mapping[str, Any]
    more_than_one: bool = False


def files(kubeconfig: Path | None) -> list[Path]:
    """The files that kubectl would read: the given one, those of KUBECONFIG, or ~/.kube/config."""
    if kubeconfig is not None:
        return [kubeconfig]
    listed = [Path(name).absolute() for name in os.environ.get("KUBECONFIG", "").split(os.pathsep) if name]
    try:
        return listed or [Path("~/.kube/config").expanduser()]
    except RuntimeError:  # this user has no home folder, so no file there
        return []


def servers(kubeconfig: Path | None) -> dict[str, str | None]:
    """Context to the URL of its API server, None where no file says it. Raises ClusterUnknownError when a file exists
    and cannot be read."""
    documents = _documents(kubeconfig)
    clusters = _entries(documents, "clusters", "cluster")
    contexts = _entries(documents, "contexts", "context")
    named = {name: clusters.get(str(context.contents.get("cluster", ""))) for name, context in contexts.items()}
    return {
        name: str(cluster.contents.get("server", "")) or None if cluster else None for name, cluster in named.items()
    }


def access(context: str, kubeconfig: Path | None = None) -> Access:
    """What the kubeconfig says of the context. Raises ClusterUnknownError."""
    documents = _documents(kubeconfig)
    if not documents:
        named = ", ".join(map(str, files(kubeconfig))) or "~/.kube/config"
        raise ClusterUnknownError(f"there is no kubeconfig {named}")
    chosen = _entry(_Context, "context", _entries(documents, "contexts", "context"), context)
    cluster = _entry(Cluster, "cluster", _entries(documents, "clusters", "cluster"), chosen.cluster)
    # Without a user kubectl calls as nobody in particular.
    user = _entry(User, "user", _entries(documents, "users", "user"), chosen.user) if chosen.user else User()
    plugin = user.exec
    warnings = (
        f"cluster {chosen.cluster} of the kubeconfig has insecure-skip-tls-verify: whatever answers at its address is"
        " taken for the API server and receives the credential. Fix: remove it and set certificate-authority-data",
    )
    return Access(
        context=context,
        cluster=_checked_cluster(chosen.cluster, cluster),
        user=_checked_user(chosen.user, user),
        plugin_config=_plugin_config(documents, chosen.cluster) if plugin and plugin.provideClusterInfo else None,
        warnings=warnings if cluster.insecure_skip_tls_verify else (),
    )


def _documents(kubeconfig: Path | None) -> list[tuple[Path, Mapping[str, Any]]]:
    """The files that exist. A missing one is skipped, as kubectl does."""
    read: list[tuple[Path, Mapping[str, Any]]] = []
    for file in files(kubeconfig):
        try:
            read.append((file, _mapping(file.read_bytes(), file)))
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:  # ValueError: a null byte in the name
            raise ClusterUnknownError(f"{file} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    return read


def _mapping(contents: bytes, file: Path) -> Mapping[str, Any]:
    import yaml  # not needed where no kubeconfig is read

    try:
        # Every scalar is text: a context may be called `on` or `2024`.
        document = yaml.load(contents.decode("utf-8"), Loader=yaml.BaseLoader)  # noqa: S506
    except (ValueError, RecursionError, yaml.YAMLError):
        raise ClusterUnknownError(f"{file} is not YAML.") from None
    if document in (None, ""):
        return {}
    if not isinstance(document, dict):
        raise ClusterUnknownError(f"{file} holds no YAML mapping.")
    return document


def _entries(documents: Sequence[tuple[Path, Mapping[str, Any]]], section: str, content: str) -> dict[str, _Named]:
    """The entries of a section by name. Of several files with the same name the first wins, whole."""
    merged: dict[str, _Named] = {}
    for file, document in documents:
        listed = document.get(section)
        in_file: dict[str, _Named] = {}
        for entry in listed if isinstance(listed, list) else []:
            if isinstance(entry, dict) and isinstance(name := entry.get("name"), str):
                contents = entry.get(content)
                in_file[name] = _Named(file, contents if isinstance(contents, dict) else {}, name in in_file)
        merged = {**in_file, **merged}
    return merged


_AnEntry = TypeVar("_AnEntry", _Context, Cluster, User)


def _entry(model: type[_AnEntry], what: str, entries: Mapping[str, _Named], name: str) -> _AnEntry:
    if name not in entries:
        listed = ", ".join(sorted(entries)) or "none"
        raise ClusterUnknownError(f"the kubeconfig has no {what} called {name}; it has: {listed}")
    entry = entries[name]
    if entry.more_than_one:
        raise ClusterUnknownError(f"{entry.file} has more than one {what} called {name}")
    try:
        return _resolved(model.model_validate(_given(entry.contents)), entry.file.parent)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, problem['loc']))}: "
            + (
                "is not known, and may change which cluster is meant or who calls it"
                if problem["type"] == "extra_forbidden"
                else problem["msg"]
            )
            for problem in error.errors(include_input=False, include_url=False)
        )
        raise ClusterUnknownError(f"{what} {name} in {entry.file}: {problems}") from None


def _plugin_config(documents: Sequence[tuple[Path, Mapping[str, Any]]], name: str) -> Any:
    """Read anew, since a plugin is given booleans and numbers as such."""
    import yaml

    file = _entries(documents, "clusters", "cluster")[name].file
    try:
        listed = yaml.safe_load(file.read_bytes())["clusters"]
        extensions = next(it["cluster"] for it in listed if str(it["name"]) == name).get("extensions") or []
        return next((it.get("extension") for it in extensions if it["name"] == _EXEC_EXTENSION), None)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, StopIteration, yaml.YAMLError):
        raise ClusterUnknownError(f"the extensions of cluster {name} in {file} cannot be read") from None


def _given(contents: Any) -> Any:
    """The contents without keys that have no value: for kubectl they are not set."""
    if isinstance(contents, dict):
        return {key: _given(value) for key, value in contents.items() if value != ""}
    return [_given(value) for value in contents] if isinstance(contents, list) else contents


def _resolved(entry: _AnEntry, folder: Path) -> _AnEntry:
    """The entry with its files read, and its other paths absolute."""
    if isinstance(entry, Cluster):
        return entry.model_copy(update=_read(entry, folder, "certificate_authority"))
    if isinstance(entry, User):
        update: dict[str, Any] = {**_read(entry, folder, "client_certificate"), **_read(entry, folder, "client_key")}
        if entry.token_file:
            update["token_file"] = str(folder / entry.token_file)
        if entry.exec and os.sep in entry.exec.command:
            update["exec"] = entry.exec.model_copy(update={"command": str(folder / entry.exec.command)})
        return entry.model_copy(update=update)
    return entry


def _read(entry: Cluster | User, folder: Path, name: str) -> dict[str, str]:
    """The file that the key `name` points to as the value of `name`-data."""
    path, data = getattr(entry, name), getattr(entry, f"{name}_data")
    if path and data:
        raise ClusterUnknownError(f"the kubeconfig has both {_kebab(name)} and {_kebab(name)}-data: remove one")
    if not path:
        return {}
    try:
        return {f"{name}_data": base64.b64encode((folder / path).read_bytes()).decode()}
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise ClusterUnknownError(f"{_kebab(name)} of the kubeconfig, {folder / path}, cannot be read: {why}") from None


def _checked_cluster(name: str, cluster: Cluster) -> Cluster:
    refuse = _refusing(f"cluster {name} of the kubeconfig")
    if not cluster.server:
        refuse("has no server")
    if cluster.insecure_skip_tls_verify and cluster.certificate_authority_data:
        refuse("has a certificate-authority and insecure-skip-tls-verify, which kubectl refuses: remove one")
    if cluster.proxy_url and not _is_proxy(cluster.proxy_url):
        refuse(f"has a proxy-url that is not a URL of {', '.join(PROXY_SCHEMES[:-1])} or {PROXY_SCHEMES[-1]}")
    pem(cluster.certificate_authority_data, f"certificate-authority-data of cluster {name}")
    return cluster


def _is_proxy(url: str) -> bool:
    """A port that is none may be a part of the password: nothing of the URL may get into a message."""
    try:
        proxy = urlsplit(url)
        return proxy.scheme in PROXY_SCHEMES and bool(proxy.hostname) and proxy.port != 0
    except ValueError:
        return False


def _checked_user(name: str, user: User) -> User:
    refuse = _refusing(f"user {name} of the kubeconfig")
    if user.auth_provider is not None:
        kind = user.auth_provider.get("name") if isinstance(user.auth_provider, dict) else None
        what, fix = _AUTH_PROVIDERS.get(str(kind), ("which is not supported here", "an exec plugin"))
        refuse(f"logs in with auth-provider {kind}, {what}. Fix: use {fix} in its place")
    if user.token and (user.username or user.password):
        refuse("has a token and a username or password, which kubectl refuses: remove one")
    if user.client_certificate_data and not user.client_key_data:
        refuse("has a client-certificate without a client-key")
    if (user.as_uid or user.as_groups or user.as_user_extra) and not user.as_:
        refuse("impersonates as-uid, as-groups or as-user-extra without as, which kubectl refuses")
    pem(user.client_certificate_data, f"client-certificate-data of user {name}")
    pem(user.client_key_data, f"client-key-data of user {name}")
    if plugin := user.exec:
        if plugin.apiVersion not in EXEC_VERSIONS:
            refuse(f"has an exec plugin of an apiVersion that is not one of {', '.join(EXEC_VERSIONS)}")
        if plugin.interactiveMode == "Always":
            refuse(
                "has an exec plugin with interactiveMode Always, which needs a terminal, and no terminal is offered"
                " here. Fix: a login that does not ask, or log in first and use a plugin that keeps the session"
            )
        if not plugin.interactiveMode and plugin.apiVersion == EXEC_VERSIONS[0]:
            refuse(
                "has an exec plugin without interactiveMode, which kubectl refuses. Fix: interactiveMode: IfAvailable"
            )
    return user


def _refusing(what: str) -> Callable[[str], None]:
    def refuse(problem: str) -> None:
        raise ClusterUnknownError(f"{what} {problem}")

    return refuse


def pem(data: str, what: str) -> bytes:
    """The PEM that base64 text holds. Raises ClusterUnknownError."""
    try:
        return base64.b64decode("".join(data.split()), validate=True)
    except ValueError:
        raise ClusterUnknownError(f"{what} is not base64") from None
