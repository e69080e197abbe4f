"""What one preview says of one stack: the form in which jobs hand it on.

Owns the shape and its file. Holds no secret: the engine blanks out what is marked, and of the stack's outputs only
those named here are kept. Whoever reads a file takes nothing of it for more than text.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

KEPT = ("access", "ceiling", "exposures", "requiredEgress", "groups", "onCall")
"""Outputs of a stack that say who gets in, and nothing else. Of `credential` only the scopes are kept."""

Source = Literal["outputs", "settings", "unknown"]


class ModelError(Exception):
    """A file is no preview."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Slice(_Part):
    """One resource's sections of the policy document, before and after; None where the resource is not.

    part: `identity`, `access` or `shared`; `declared` is what identity knows of access, the same entries: they are
    read where a preview ended before it came to access itself.
    """

    name: str
    part: str
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None


class Rbac(_Part):
    """A role or a binding of the cluster, before and after: `rules`, or `roleRef` and `subjects`; None where there is
    none. name: the object's own."""

    kind: str
    name: str
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None


class Violation(_Part):
    """What the policy pack says. level: mandatory, advisory, or `unjudged`."""

    policy: str
    level: Literal["mandatory", "advisory", "unjudged"]
    resource: str
    text: str


class Remark(_Part):
    """A line of the engine, the program or a provider. resource: "" for the program itself."""

    severity: Literal["info", "warning", "error"]
    resource: str
    text: str


class Step(_Part):
    """A resource that would change; op is the engine's word."""

    op: str
    type: str
    name: str


class Preview(_Part):
    """source: where `after` comes from: the outputs, or, when the program did not get that far, the stack's settings.
    kind `removed`: the stack's file is gone and nothing was run; `before` is what stands."""

    stack: str
    kind: Literal["changed", "added", "removed"]
    succeeded: bool
    seconds: float
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    source: Source = "unknown"
    slices: list[Slice] = Field(default_factory=list)
    roles: list[Rbac] = Field(default_factory=list)
    violations: list[Violation] = Field(default_factory=list)
    remarks: list[Remark] = Field(default_factory=list)
    steps: list[Step] = Field(default_factory=list)

    def write(self, file: Path) -> None:
        """Writes the file, mode 0600."""
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(0o600)
        file.write_text(self.model_dump_json(indent=1))

    @classmethod
    def load(cls, file: Path) -> Preview:
        """Raises ModelError for a file that is not there or is none."""
        try:
            return cls.model_validate_json(file.read_bytes())
        except OSError as error:
            raise ModelError(f"{file} cannot be read: {error.strerror}.") from None
        except ValidationError as error:
            where = ".".join(map(str, error.errors()[0]["loc"]))
            raise ModelError(f"{file} is no preview ({where}): make it with `supportctl ci preview`.") from None
