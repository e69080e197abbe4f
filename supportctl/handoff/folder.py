"""The folder that is handed over: exactly the files of one handoff, and their checksums.

Owns the writing: a second run with nothing changed gives the same bytes, files of an earlier handoff that are no
longer part of it go, and a folder with anything else in it is refused, because all of it would be handed over.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

CHECKSUMS = "SHA256SUMS"


class FolderError(Exception):
    """Why the folder cannot be written, and how to mend it."""


def write_folder(folder: Path, files: Mapping[str, str]) -> None:
    """files: names to texts. Scripts, by their first line, can be run."""
    earlier = _earlier(folder)
    foreign = sorted({entry.name for entry in folder.iterdir()} - earlier - {CHECKSUMS}) if folder.exists() else []
    if foreign:
        raise FolderError(
            f"{folder} holds what is no part of a handoff: {', '.join(foreign)}. All of the folder is handed over: "
            "name a new one."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            _write(folder / name, text)
        for name in earlier - files.keys():
            (folder / name).unlink(missing_ok=True)
        _write(folder / CHECKSUMS, checksums(files))
    except OSError as error:
        raise FolderError(f"{error.filename or folder} cannot be written: {error.strerror}.") from None


def checksums(files: Mapping[str, str]) -> str:
    """In the form of sha256sum, in the order of the names."""
    return "".join(f"{hashlib.sha256(text.encode()).hexdigest()}  {name}\n" for name, text in sorted(files.items()))


def _earlier(folder: Path) -> set[str]:
    """The files that an earlier handoff says it wrote."""
    try:
        lines = (folder / CHECKSUMS).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return set()
    except (OSError, ValueError) as error:
        raise FolderError(f"{folder / CHECKSUMS} cannot be read: {error}.") from None
    return {name for _, _, name in (line.partition("  ") for line in lines) if name and os.sep not in name}


def _write(file: Path, text: str) -> None:
    """Whole or not at all: a run that is cut short leaves the file of before."""
    part = file.with_name(f".{file.name}.part")
    part.write_text(text, encoding="utf-8", newline="\n")
    part.chmod(0o755 if text.startswith("#!") else 0o644)
    part.replace(file)
