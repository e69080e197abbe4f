"""A place to preview a stack that the backend does not have yet: a credential that only reads cannot make it there.

Owns a copy of the project with a backend, a key and stack files of its own. Such a stack has no state, so what its
preview says is the same here. Gone, with all that was in it, at the end.
"""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from supportctl.kill.engine import Engine
from supportctl.stack import StackError

KEYS = ("secretsprovider:", "encryptedkey:", "encryptionsalt:")
"""What in a stack's file belongs to the key of another backend."""
LIMIT = 120.0


@contextmanager
def scratch(stack: str, project: Path, environ: Mapping[str, str]) -> Iterator[Engine]:
    """The engine in a project with nothing but this stack, which is empty. Raises StackError."""
    with tempfile.TemporaryDirectory(prefix="support-access-") as folder:
        place, state = Path(folder) / "project", Path(folder) / "state"
        for each in (place / "stacks", state):
            each.mkdir(parents=True)
        for part in project.resolve().iterdir():
            if part.name not in ("stacks", ".git"):
                (place / part.name).symlink_to(part)
        for file in (project / "stacks").iterdir():  # all of them: the stacks beside it are looked at for clashes
            lines = file.read_text().splitlines(keepends=True)
            (place / "stacks" / file.name).write_text("".join(line for line in lines if not line.startswith(KEYS)))
        own = {name: value for name, value in environ.items() if name != "PULUMI_CONFIG_PASSPHRASE_FILE"}
        own |= {"PULUMI_BACKEND_URL": state.as_uri(), "PULUMI_CONFIG_PASSPHRASE": secrets.token_hex(16)}
        engine = Engine(place, own)
        code, printed = engine.run("stack", "init", stack, "--non-interactive", limit=LIMIT)
        if code != 0:
            raise StackError(f"No empty {stack} could be made to preview it in: {printed.strip()}")
        yield engine
