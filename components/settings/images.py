"""Settings of the operator's images: `support-access:operator.images`, and the mirror that holds them all.

Owns names, defaults and descriptions of one image's pin, and how pin and mirror make a reference. Every image has a
pin: what is left out is the operator's version in the publisher's repository. Does not own rules between versions
(operator_checks.py). Nothing here lives, so nothing dies.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple

from pydantic import AfterValidator, Field

from components.settings import operator_forms as forms
from components.settings.forms import Settings

REPOSITORIES = {
    "operator": "tailscale/k8s-operator",
    "proxy": "tailscale/tailscale",
    "k8s_proxy": "tailscale/k8s-proxy",
    "recorder": "tailscale/tsrecorder",
    "nameserver": "tailscale/k8s-nameserver",
}
"""What each image is called at its publisher, on Docker Hub and on ghcr.io alike."""


class Image(Settings):
    """A container image's pin; each part has a default."""

    repository: Annotated[str, AfterValidator(forms.image_repository)] | None = Field(
        default=None,
        description="Nodes pull the image from here: a registry of the vendor's or the customer's own mirror.",
        examples=["registry.example.com/tailscale/k8s-operator"],
    )
    tag: Annotated[str, AfterValidator(forms.image_tag)] | None = Field(
        default=None, description="It pins the image's version. The default is the operator's.", examples=["v1.96.5"]
    )
    digest: Annotated[str, AfterValidator(forms.digest)] | None = Field(
        default=None,
        description="It pins the image's contents: a tag can be moved, a digest cannot.",
        examples=["sha256:" + "0" * 64],
    )


class Images(Settings):
    operator: Image = Field(default=Image(), description="The operator's own image.")
    proxy: Image = Field(default=Image(), description="Image of the proxies that it starts for exposed services.")
    k8s_proxy: Image = Field(alias="k8sProxy", default=Image(), description="Image of highly available API proxies.")
    recorder: Image = Field(default=Image(), description="Image of session recorders.")
    nameserver: Image = Field(default=Image(), description="Image of the name server for tailnet names.")


class Pin(NamedTuple):
    """One image as it is pulled."""

    repository: str
    tag: str
    digest: str | None

    @property
    def reference(self) -> str:
        """`repository@digest`, or `repository:tag` while no digest is given."""
        return f"{self.repository}@{self.digest}" if self.digest else f"{self.repository}:{self.tag}"


def pin(name: str, image: Image, *, version: str, registry: str | None) -> Pin:
    """name: a key of REPOSITORIES. registry: prefix of every repository that does not name a host itself."""
    repository = image.repository or REPOSITORIES[name]
    if registry and not names_host(repository):
        repository = f"{registry}/{repository}"
    return Pin(repository, image.tag or version, image.digest)


def names_host(repository: str) -> bool:
    """Whether the first part is a registry: to a node it is one when it has a dot or a port."""
    first, slash, _ = repository.partition("/")
    return bool(slash) and ("." in first or ":" in first or first == "localhost")
