"""One context of a kubeconfig: where its API server is and how to be trusted by it.

Owns the reading of the sandbox's own kubeconfig (CA, client certificate or static token). Does not know
exec plugins, auth providers or proxies: the sandbox writes none. (The official client reads all of them,
and takes 1.4 s and 100 MB to import.) Dies with `KubeconfigError` on a file, context or entry that is
missing.
"""

from __future__ import annotations

import base64
import contextlib
import ssl
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


class KubeconfigError(ValueError):
    """The kubeconfig does not say how to reach the cluster; the message says what is missing."""


@dataclass(frozen=True)
class Endpoint:
    """An API server and its administrator's credential.

    `anonymous` verifies the server and shows no client certificate: it is for those who bring a token of
    their own.
    """

    server: str
    administrator: ssl.SSLContext
    anonymous: ssl.SSLContext
    token: str | None


def read(path: Path, context: str) -> Endpoint:
    """The endpoint of `context` in the kubeconfig at `path`."""
    try:
        document = yaml.safe_load(path.read_text())
    except OSError as error:
        raise KubeconfigError(f"cannot read the kubeconfig {path}: {error.strerror}; is the sandbox up?") from error
    except yaml.YAMLError as error:
        raise KubeconfigError(f"the kubeconfig {path} is not YAML: {error}") from error
    chosen = _entry(document, "contexts", "context", context, path)
    cluster = _entry(document, "clusters", "cluster", chosen.get("cluster"), path)
    user = _entry(document, "users", "user", chosen.get("user"), path)
    anonymous = _trust(cluster, path)
    administrator = _trust(cluster, path)
    if "client-certificate" in user or "client-certificate-data" in user:
        with _file(user, "client-certificate", path) as certificate, _file(user, "client-key", path) as key:
            administrator.load_cert_chain(certificate, key)
    return Endpoint(cluster["server"].rstrip("/"), administrator, anonymous, user.get("token"))


def _entry(document: Any, section: str, kind: str, name: str | None, path: Path) -> dict[str, Any]:
    entries = (document or {}).get(section) or []
    for entry in entries:
        if entry["name"] == name:
            return entry[kind]
    names = ", ".join(sorted(entry["name"] for entry in entries)) or "none"
    raise KubeconfigError(f"the kubeconfig {path} has no {kind} {name!r}; it has: {names}")


def _trust(cluster: dict[str, Any], path: Path) -> ssl.SSLContext:
    if cluster.get("insecure-skip-tls-verify"):
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    if "certificate-authority-data" not in cluster and "certificate-authority" not in cluster:
        return ssl.create_default_context()
    with _file(cluster, "certificate-authority", path) as authority:
        return ssl.create_default_context(cafile=authority)


@contextlib.contextmanager
def _file(entry: dict[str, Any], key: str, path: Path) -> Iterator[str]:
    """The name of a file with the content of `key`; embedded data lies in one (0600) only as long as it is
    read.
    """
    if data := entry.get(f"{key}-data"):
        with tempfile.NamedTemporaryFile() as file:
            file.write(base64.b64decode(data))
            file.flush()
            yield file.name
    elif name := entry.get(key):
        yield str(path.parent / name)
    else:
        raise KubeconfigError(f"the kubeconfig {path} has neither {key} nor {key}-data")
