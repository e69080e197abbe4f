"""What all kinds of the gcp plugin's stand-in have in common: a project, and the real plugin's words for a refusal."""

from __future__ import annotations

from typing import ClassVar

from sandbox.plugins.cloud_store import Store, StoredKind
from sandbox.plugins.kind import Failure, InvalidInput
from sandbox.plugins.values import Properties

NAME_DIGITS = 7
NO_PROJECT = "is not set, and the environment names none either"


class GcpKind(StoredKind):
    """An object of one project. service: what an error about reading puts before the noun."""

    noun: ClassVar[str]
    service: ClassVar[str]

    def __init__(self, store: Store, project: str) -> None:
        super().__init__(store)
        self.project = project

    def refused(self, doing: str, path: str, status: int, code: str, message: str) -> Failure:
        begins = {
            "creating": f"Error creating {self.noun}",
            "updating": f'Error updating {self.noun} "{path}"',
            "reading": f'Error when reading or editing {self.service}{self.noun} "{path}"',
            "deleting": f"Error when reading or editing {self.noun}",
        }
        return Failure(f"{begins[doing]}: googleapi: Error {status}: {message}, {code}")

    def in_project(self, inputs: Properties) -> str:
        project = inputs.get("project") or self.project
        if not project:
            raise InvalidInput("project", NO_PROJECT)
        return f"projects/{project}"
