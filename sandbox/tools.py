"""The tools that the world and the program run: found on PATH, else built once from the modules in tools/.

A built tool lies in `$SUPPORT_ACCESS_CACHE/tools/<module>-<version>/<tool>` (default ~/.cache/support-access),
outside the repository, so a fresh clone builds nothing again. A build is renamed into place when it is whole:
an interrupted one leaves no tool. A lock keeps two runs from building the same thing. Go itself is not brought
along. Nothing is removed but by deleting the cache folder.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE

from rich.console import Console

from sandbox.build_progress import BuildProgress

MODULES = Path(__file__).parent.parent / "tools"
LAST_LINES = 15
GIB = 2**30


class ToolError(Exception):
    """A tool is missing and could not be built. The text says what, why and how to mend it."""


@dataclass(frozen=True)
class Tool:
    """One binary and the Go package that it is built from."""

    name: str
    folder: str  # under tools/: the Go module that pins the version
    module: str
    package: str  # below `module`; "" when the module's root is the program
    version_variable: str | None = None  # where the linker writes the version

    def version(self, modules: Path = MODULES) -> str:
        """The version that go.mod pins, for example "v3.7.3"."""
        return pinned_version(modules / self.folder, self.module)


def pinned_version(folder: Path, module: str) -> str:
    """The version of `module` that the go.mod in `folder` requires, for example "v3.7.3"."""
    text = (folder / "go.mod").read_text()
    found = re.search(rf"^\s*(?:require\s+)?{re.escape(module)}\s+(v\S+)", text, re.MULTILINE)
    if not found:
        raise ToolError(f"{folder}/go.mod does not require {module}. Restore the file from the repository.")
    return found[1]


def _kubernetes(name: str) -> Tool:
    # kubectl refuses a server that does not know its own version.
    return Tool(name, "kubernetes", "k8s.io/kubernetes", f"/cmd/{name}", "k8s.io/component-base/version.gitVersion")


PULUMI = "github.com/pulumi/pulumi"
TOOLS = (
    Tool("etcd", "etcd", "go.etcd.io/etcd/server/v3", ""),
    _kubernetes("kube-apiserver"),
    _kubernetes("kube-controller-manager"),
    _kubernetes("kubectl"),
    Tool("helm", "helm", "helm.sh/helm/v3", "/cmd/helm", "helm.sh/helm/v3/internal/version.version"),
    Tool("pulumi", "pulumi", f"{PULUMI}/pkg/v3", "/cmd/pulumi", f"{PULUMI}/sdk/v3/go/common/version.Version"),
)
ACTIONLINT = Tool("actionlint", "actionlint", "github.com/rhysd/actionlint", "/cmd/actionlint")
"""Reads the workflows in `make lint`; no world needs it."""


def cache_folder() -> Path:
    """Where what is costly to make is kept between clones: built tools, the packaged chart."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("SUPPORT_ACCESS_CACHE") or Path(base) / "support-access")


def locate(tools: Iterable[Tool] = TOOLS, modules: Path = MODULES) -> dict[str, Path]:
    """Name -> path of those tools that are there: the one on PATH, else the one in the cache."""
    found = {t.name: shutil.which(t.name) or shutil.which(_cached(t, modules)) for t in tools}
    return {name: Path(path) for name, path in found.items() if path}


def ensure(console: Console, tools: Sequence[Tool] = TOOLS, modules: Path = MODULES) -> dict[str, Path]:
    """Name -> path of all `tools`, after building what is missing. Says on `console` what it does.

    One tool after the other: `go build` keeps every core busy by itself, and two linkers side by side
    would need twice the memory and save nothing. Within a build Go runs one compiler or linker for each
    2 GiB of memory, at most one a core.
    """
    missing = [tool for tool in tools if tool.name not in locate(tools, modules)]
    for number, tool in enumerate(missing, start=1):
        with _locked(_cached(tool, modules), console):
            if not locate([tool], modules):  # another run may have built it while this one waited
                _build(tool, modules, BuildProgress(console, f"[{number} of {len(missing)}] {tool.name}"))
    return locate(tools, modules)


def on_path(found: Mapping[str, Path]) -> list[Path]:
    """The folders that must precede PATH so that a plain shell runs these tools."""
    return list(dict.fromkeys(path.parent for name, path in found.items() if not shutil.which(name)))


def module_folder(folder: Path, module: str) -> Path:
    """The source of a module that the go.mod in `folder` pins: fetched, verified by go.sum, not compiled."""
    _check_go(folder)
    output = _go(["mod", "download", "-json", module], folder)
    found = re.search(r'"Dir": "(.*)"', output)
    if not found:
        raise ToolError(f"Go downloaded {module} but names no folder for it:\n{output}")
    return Path(found[1])


def _cached(tool: Tool, modules: Path) -> Path:
    return cache_folder() / "tools" / f"{tool.folder}-{tool.version(modules)}" / tool.name


@contextlib.contextmanager
def _locked(binary: Path, console: Console) -> Iterator[None]:
    binary.parent.mkdir(parents=True, exist_ok=True)
    with binary.with_name(f".{binary.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            console.print(f"{binary.name}: another run is building it; waiting for that.")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(tool: Tool, modules: Path, progress: BuildProgress) -> None:
    """Builds into the cache; the caller holds the lock."""
    module, binary = modules / tool.folder, _cached(tool, modules)
    unfinished = binary.with_name(f".{tool.name}.unfinished")
    package = tool.module + tool.package
    link = "-s -w" + (f" -X {tool.version_variable}={tool.version(modules)}" if tool.version_variable else "")
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    jobs = max(1, min(os.cpu_count() or 1, memory // (2 * GIB)))
    _check_go(module)
    unfinished.unlink(missing_ok=True)  # Go refuses to overwrite what is no program
    with progress:
        packages = _go(["list", "-mod=readonly", "-deps", package], module, progress).count("\n")
        progress.compiling(packages)
        build = ["build", "-mod=readonly", "-v", "-trimpath", "-buildvcs=false", "-p", str(jobs)]
        _go([*build, "-ldflags", link, "-o", str(unfinished), package], module, progress)
        unfinished.rename(binary)


def _check_go(folder: Path) -> None:
    if not shutil.which("go"):
        raise ToolError(
            f"Go is not on PATH, and what tools/{folder.name} pins comes by it.\n"
            "Install Go 1.26 or newer and run the same command again."
        )
    try:
        _go(["list", "-m"], folder)  # Go itself compares its version with the one that go.mod asks for
    except ToolError as error:
        raise ToolError(f"The Go on PATH is too old. Install Go 1.26 or newer.\n{error}") from error


def _go(arguments: list[str], folder: Path, progress: BuildProgress | None = None) -> str:
    """Runs go in a module's folder and returns what it printed. Its messages drive the progress."""
    env = {**os.environ, "CGO_ENABLED": "0", "GOWORK": "off"}
    messages: list[str] = []
    with (
        tempfile.TemporaryFile("w+") as output,
        subprocess.Popen(["go", *arguments], cwd=folder, env=env, stdout=output, stderr=PIPE, text=True) as go,
    ):
        for message in go.stderr or ():
            messages.append(message.rstrip())
            if progress:
                progress.step(message.rstrip())
        status = go.wait()
        output.seek(0)
        printed = output.read()
    if status:
        last = "\n".join(f"    {line}" for line in (messages or printed.splitlines())[-LAST_LINES:])
        raise ToolError(
            f"`go {arguments[0]}` failed in tools/{folder.name} with exit status {status}. Its last lines:\n"
            f"{last}\n"
            "If a module could not be fetched: check that this machine reaches the proxy of `go env GOPROXY`\n"
            "and run the same command again. What was fetched and compiled is kept."
        )
    return printed
