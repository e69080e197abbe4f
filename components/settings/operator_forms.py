"""The form that each single value of `operator` must have: functions that give it back or say what is wrong.

Owns what is particular to images, charts, versions and pods; the forms that other settings share are in forms.py. Does
not own rules between settings (operator_checks.py). Dies by: each raises only the error that `problems.refuse` makes.
"""

from __future__ import annotations

import re
from pathlib import PurePath
from urllib.parse import SplitResult, urlsplit

from components.settings.forms import dns_label
from components.settings.problems import refuse, shown

YAML_WORDS = ("true", "false", "null", "yes", "no", "on", "off", "y", "n")
_PATH_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REGISTRY_HOST = r"[A-Za-z0-9.-]+(?::[0-9]{1,5})?"
_NUMBER = r"(?:0|[1-9][0-9]{0,3})"
_VERSION = rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}"
"""Without zeros in front, whatever Helm makes of them, and no longer than what components/versions.py compares: a
version that is not compared is not refused."""
_MOVING = ("latest", "stable", "unstable")


def operator_version(version: str) -> str:
    if not re.fullmatch(rf"v{_VERSION}", version):
        raise refuse(f"{shown(version)} is not one pinned version, like v1.96.5.")
    return version


def image_repository(name: str) -> str:
    """`[registry[:port]/]path`, without tag or digest."""
    if not re.fullmatch(rf"(?:{_REGISTRY_HOST}/)?{_PATH_PART}(?:/{_PATH_PART})*", name):
        raise refuse(
            f"{shown(name)} is not an image repository without tag or digest.",
            why="The tag is operator.version or the image's own tag, the digest is a setting of its own.",
        )
    return name


def image_tag(tag: str) -> str:
    """`v1.96.5`, perhaps with what a mirror adds: `v1.96.5-acme.1`."""
    if tag.startswith(_MOVING):
        raise refuse(
            f"{shown(tag)} is a moving tag.", why="It would upgrade the image at any restart, without a review."
        )
    if not re.fullmatch(rf"v{_VERSION}(-[A-Za-z0-9._-]{{1,64}})?", tag):
        raise refuse(f"{shown(tag)} does not name one version, like v1.96.5 or v1.96.5-acme.1.")
    return tag


def digest(text: str) -> str:
    if not re.fullmatch(r"sha256:[0-9a-f]{64}", text):
        raise refuse(f"{shown(text)} is not a digest: sha256: and 64 hexadecimal digits.")
    return text


def registry(name: str) -> str:
    """`host[:port][/path]` of a registry that holds copies of all images."""
    if "://" in name:
        raise refuse(f"{shown(name)} has a scheme.", why="Images are named without one.")
    host, _, path = name.partition("/")
    names_a_host = re.fullmatch(_REGISTRY_HOST, host) and ("." in host or ":" in host or host == "localhost")
    if not names_a_host or (path and not re.fullmatch(rf"{_PATH_PART}(?:/{_PATH_PART})*", path)) or name.endswith("/"):
        raise refuse(
            f"{shown(name)} is not a registry, like registry.example.com or registry.example.com:5000/mirror.",
            why="A first part without a dot or a port is a folder of Docker Hub to every node.",
        )
    return name


def chart_repository(url: str) -> str:
    """An https URL, an OCI registry (`oci://`), or http to this machine itself."""
    try:
        parts = urlsplit(url)
        well_formed = _is_url(url, parts)
    except ValueError:
        raise refuse(f"{shown(url)} is not a URL.") from None
    if parts.username or parts.password:  # not shown: it holds a credential
        raise refuse("The URL holds a user name or a password.", why="Settings are no place for a credential.")
    here = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1")
    if not well_formed or not (parts.scheme in ("https", "oci") or here):
        raise refuse(f"{shown(url)} is not an https URL, nor an OCI registry (oci://).")
    if parts.scheme == "oci" and (parts.query or parts.fragment or not parts.path.strip("/")):
        raise refuse(
            f"{shown(url)} is not the folder of the chart in an OCI registry.",
            example="oci://registry.example.com/charts",
        )
    return url


def chart_path(path: str) -> str:
    """A folder or a packed chart (.tgz); kept as it is written, so that two machines declare the same."""
    if not path.strip() or not path.isprintable() or "://" in path:
        raise refuse(f"{shown(path)} is not the path of a chart.")
    if path.startswith("~"):
        raise refuse(f"{shown(path)} begins with a home folder.", why="It is another one on every machine.")
    if not (PurePath(path).is_absolute() or path.startswith(("./", "../"))):
        raise refuse(
            f"{shown(path)} would be looked up in a repository.",
            why="Helm takes a path for one only when it begins with ./, ../ or /.",
            example=f"./{path}",
        )
    return path


def chart_version(version: str) -> str:
    if not re.fullmatch(rf"{_VERSION}(?:[-+][0-9A-Za-z.+-]+)?", version):
        raise refuse(f"{shown(version)} is not one version, like 1.96.5.")
    return version


def proxy_url(url: str) -> str:
    """`http://host:port`: the way to an HTTP proxy is in clear, what goes through it is not."""
    try:
        parts = urlsplit(url)
        well_formed = _is_url(url, parts) and parts.port is not None
    except ValueError:
        raise refuse(f"{shown(url)} is not a URL.") from None
    if parts.username or parts.password:  # not shown: it holds a credential
        raise refuse("The URL holds a user name or a password.", why="Settings are no place for a credential.")
    if not well_formed or parts.scheme not in ("http", "https") or parts.path.strip("/") or parts.query:
        raise refuse(f"{shown(url)} is not the URL of an HTTP proxy with its port.")
    if not re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", parts.hostname or ""):
        raise refuse(f"{shown(parts.hostname)} is not a host name in lower case.")
    return url.rstrip("/")


def hostname(name: str) -> str:
    """A host name that the chart can write into YAML as it is."""
    if name in YAML_WORDS:
        raise refuse(f"{shown(name)} is a word of YAML.", why="The chart writes it without quotes.")
    return dns_label(name)


def no_proxy(entry: str) -> str:
    """One entry of NO_PROXY: a host, a domain with a leading dot, an address or a range."""
    if not re.fullmatch(r"[A-Za-z0-9.:/_-]+", entry):
        raise refuse(f"{shown(entry)} is not a host, a domain, an address or a range.")
    return entry


def object_name(name: str) -> str:
    """The name of a Kubernetes object, as the API server takes it."""
    if not re.fullmatch(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", name):
        raise refuse(f"{shown(name)} is not the name of a Kubernetes object.")
    return name


def quantity(amount: object) -> str:
    """An amount as Kubernetes counts it: `250m`, `0.5`, `128Mi`. A number is taken as its text."""
    text = str(amount) if isinstance(amount, str | int | float) and not isinstance(amount, bool) else ""
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?(m|k|[MGTPE]i?|Ki)?", text):
        raise refuse(f"{shown(amount)} is not an amount, like 250m or 128Mi.")
    return text


def _is_url(url: str, parts: SplitResult) -> bool:
    return bool(parts.hostname) and url.isprintable() and " " not in url and (parts.port is None or parts.port > 0)
