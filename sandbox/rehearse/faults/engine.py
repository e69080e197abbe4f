"""Faults of the vendor's own side: state, plugins, locks, program, settings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sandbox import ports
from sandbox.rehearse import plugins
from sandbox.rehearse.means import Documented
from sandbox.rehearse.stage import CUT, Stage
from sandbox.rehearse.waiting import wait_until

MISSING = "kubernetes"
BROKEN = "config: [\n\t- nobody: closes: this\n"


@contextmanager
def backend_gone(stage: Stage, _documented: Documented) -> Iterator[None]:
    """A bucket at an address where nobody listens."""
    kept = stage.env["PULUMI_BACKEND_URL"]
    with ports.reserved(1) as (port,):
        where = f"endpoint=http://{ports.LOOPBACK}:{port}&region=eu-central-1&s3ForcePathStyle=true"
        stage.env["PULUMI_BACKEND_URL"] = f"s3://states?{where}"
        try:
            yield
        finally:
            stage.env["PULUMI_BACKEND_URL"] = kept


@contextmanager
def plugin_missing(stage: Stage, _documented: Documented) -> Iterator[None]:
    """One provider's plugin is not there, as on a runner that is new."""
    with plugins.hidden(MISSING, stage.env, stage.folder / "path"):
        yield


@contextmanager
def stack_locked(stage: Stage, documented: Documented) -> Iterator[None]:
    """A `pulumi up` is killed as soon as it holds the lock."""
    crashed = stage.start("crashed-up", ["pulumi", "up", "-s", CUT, "--yes", "--skip-preview", "--non-interactive"])
    wait_until("`pulumi up` holds the lock", lambda: bool(stage.locks()))
    crashed.kill()
    documented.before.append(["pulumi", "cancel", "-s", CUT, "--yes"])
    yield


@contextmanager
def program_raises(stage: Stage, _documented: Documented) -> Iterator[None]:
    program = stage.project / "__main__.py"
    target = program.readlink()
    program.unlink()
    program.write_text("raise ImportError('broken')\n")
    try:
        yield
    finally:
        program.unlink()
        program.symlink_to(target)


@contextmanager
def settings_invalid(stage: Stage, _documented: Documented) -> Iterator[None]:
    file = stage.file(CUT)
    file.write_text(file.read_text().replace("support-access:customer: acme", "support-access:customer: 7"))
    try:
        yield
    finally:
        stage.write(CUT)


@contextmanager
def stack_file_broken(stage: Stage, documented: Documented) -> Iterator[None]:
    """The file of the stack does not parse; an older one is at hand, from the repository's history."""
    file = stage.file(CUT)
    older = stage.folder / file.name
    older.write_text(file.read_text())
    documented.flags += ["--config-file", str(older)]
    file.write_text(BROKEN)
    try:
        yield
    finally:
        stage.write(CUT)


@contextmanager
def project_broken(stage: Stage, _documented: Documented) -> Iterator[None]:
    """The file of the project, which is every stack's, does not parse."""
    file = stage.project / "Pulumi.yaml"
    target = file.readlink()
    file.unlink()
    file.write_text(BROKEN)
    try:
        yield
    finally:
        file.unlink()
        file.symlink_to(target)
