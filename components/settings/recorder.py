"""Settings of session recording: `support-access:recorder`.

Owns names, defaults and descriptions. With a recorder every grant to the API asks for it and fails closed: without one
that can be reached the API proxy refuses every request, not only exec and attach. Without the setting nothing is
recorded. Does not own the objects (components/manifests/recorder.py) nor the grants (components/tailnet/policy.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StrictBool, ValidationInfo, field_validator

from components.endpoints.hosts import host_problem
from components.settings import expose_forms
from components.settings.environment_checks import declared_names
from components.settings.forms import Settings, dns_label, printable
from components.settings.operator_forms import object_name
from components.settings.problems import Problem, config_key, refuse, set_command, shown

STATEFUL_SET_NAME = 52
"""What Kubernetes leaves of a label's 63 characters to the name of a StatefulSet."""


KIND = {
    "description": "It decides where recordings lie: in the customer's own bucket, or in the pod, and gone with it.",
    "examples": ["s3"],
}


def storage_host(name: str) -> str:
    host, colon, port = name.partition(":")
    problem = host_problem(name if "/" in name else host)
    if problem is None and colon and not (port.isdecimal() and 1 <= int(port) <= 65535):
        problem = "the port is no number"
    if problem:
        raise refuse(f"{shown(name)} is not a host, or host:port: {problem}.")
    return name


def bucket_name(name: str) -> str:
    if not name or not all(part.isalnum() or part in ".-_" for part in name) or len(name) > 255:
        raise refuse(f"{shown(name)} is not a bucket's name.")
    return name


def check_default_name(stack: str, raw: Mapping[str, Any]) -> Iterator[Problem]:
    """The name that a recorder gets by itself is short enough."""
    recorder, names = raw.get("recorder"), declared_names(raw)
    if not isinstance(recorder, dict) or recorder.get("hostname") is not None or names is None:
        return
    if len(names.recorder) > STATEFUL_SET_NAME:
        key = ("recorder", "hostname")
        yield Problem(
            config_key(key),
            f"It is missing, and {names.recorder} is longer than {STATEFUL_SET_NAME} characters.",
            "It names a StatefulSet, whose pods carry the name and more in a label: no pod would be made, and without"
            " a recorder every request is refused.",
            set_command(stack, key, names.name[: STATEFUL_SET_NAME - 4].rstrip("-") + "-rec"),
        )


class S3(Settings):
    """Recordings lie in the customer's own bucket."""

    kind: Literal["s3"] = Field(**KIND)
    endpoint: Annotated[str, AfterValidator(storage_host)] = Field(
        description="The host that takes recordings; it is in the egress list.",
        examples=["s3.eu-central-1.amazonaws.com"],
    )
    bucket: Annotated[str, AfterValidator(bucket_name)] = Field(
        description="It should refuse deletion by whoever writes to it.", examples=["acme-support-recordings"]
    )
    secret: Annotated[str, AfterValidator(object_name)] | None = Field(
        default=None,
        description="A Secret of the customer's in namespace tailscale with AWS_ACCESS_KEY_ID and"
        " AWS_SECRET_ACCESS_KEY. Settings are no place for a credential.",
        examples=["recordings-bucket"],
    )
    role: Annotated[str, AfterValidator(printable)] | None = Field(
        default=None,
        validate_default=True,
        description="An IAM role that the recorder's ServiceAccount takes: then no key lies in the cluster.",
        examples=["arn:aws:iam::123456789012:role/support-recordings"],
    )

    @field_validator("role")
    @classmethod
    def _one_credential(cls, role: str | None, info: ValidationInfo) -> str | None:
        if (role is None) == (info.data.get("secret") is None) and "secret" in info.data:
            raise refuse(
                "Neither secret nor role is set." if role is None else "Both secret and role are set.",
                why="The recorder needs one credential for the bucket, and a second one would look as if it were used.",
                remove=None if role is None else (),
            )
        return role


class Local(Settings):
    """Recordings lie in the recorder's pod."""

    kind: Literal["local"] = Field(**KIND)
    viewers: Annotated[str, AfterValidator(expose_forms.group)] = Field(
        description="The group that may watch recordings, in the recorder's own web interface: there is no other way"
        " to them.",
        examples=["group:highflame-audit"],
    )


class Recorder(Settings):
    storage: S3 | Local = Field(
        discriminator="kind",
        description="Where recordings are kept.",
        examples=[{"kind": "local", "viewers": "group:highflame-audit"}],
    )
    events: StrictBool = Field(
        default=False,
        description="Also every API request is recorded, not only what exec and attach show.",
        examples=[True],
    )
    hostname: Annotated[str, AfterValidator(dns_label)] | None = Field(
        default=None,
        description="The recorder's name; by default <customer>-<environment>-rec. Its device is called so, with -0.",
        examples=["acme-prod-rec"],
    )

    @field_validator("hostname")
    @classmethod
    def _room_for_the_pod(cls, name: str | None) -> str | None:
        if name is not None and len(name) > STATEFUL_SET_NAME:
            raise refuse(
                f"{shown(name)} is longer than {STATEFUL_SET_NAME} characters.",
                why="It names a StatefulSet, whose pods carry the name and more in a label.",
            )
        return name

    @property
    def recordings(self) -> str | None:
        """Host, or host:port, that takes the recordings; None when they stay in the cluster."""
        return self.storage.endpoint if isinstance(self.storage, S3) else None
