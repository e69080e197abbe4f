"""One value from the environment: its variable's name, and its text or the file that holds it.

Owns `file:<path>`, which the official Tailscale provider takes too: a file is read when the value is needed, so that
one that is rotated in place stays good. What the values mean is in credentials.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .problems import TailnetError

FILE = "file:"


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable that is set. Its text may be a secret, and no repr shows it."""

    name: str
    text: str = field(repr=False)

    @property
    def file(self) -> Path | None:
        """The file that holds the value, if it is in a file."""
        return Path(self.text.removeprefix(FILE)).absolute() if self.text.startswith(FILE) else None

    def read(self) -> str:
        """The value as it stands now, without white space around it. Raises TailnetError, which never quotes it."""
        value, where = self.text, self.name
        if self.file is not None:
            where = f"the file {self.file} that {self.name} names"
            try:
                value = self.file.read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError, ValueError) as error:
                reason = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
                raise TailnetError(
                    f"{where} cannot be read ({reason}): correct the path or the file's rights"
                ) from None
            if not value:
                raise TailnetError(f"{where} is empty: write the value into it, or unset {self.name}")
        # Such a value came from a bad copy, no call could carry it, and the HTTP library would quote it in its error.
        if not value.isascii() or not value.isprintable() or " " in value:
            raise TailnetError(
                f"{where} holds a space, a line break or a character that no Tailscale credential has: copy it again"
            )
        return value


def first(environ: Mapping[str, str], *names: str) -> Variable | None:
    """The first of these variables that is set to something."""
    for name in names:
        text = environ.get(name, "").strip()
        if text:
            return Variable(name, text)
    return None
