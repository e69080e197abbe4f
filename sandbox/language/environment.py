"""The Python environment of a project: which interpreter runs its program, and which Pulumi packages are installed
in it.

The runtime option `virtualenv` names a folder, relative to the project root; without it `python3` of the PATH is
used. Reads only; creates nothing and starts nothing except that `python3`, once, to ask for its folders. Holds no
resource, so nothing to end.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from pulumi.runtime.proto import language_pb2, plugin_pb2

ASK_FOR_FOLDERS = "import json, sys; print(json.dumps([p for p in sys.path if p]))"


class UnusableEnvironmentError(Exception):
    """The project's Python environment is not usable; the text says which one, why, and how to mend it."""


@dataclass(frozen=True)
class Environment:
    """One interpreter. `virtualenv` is None when the project uses the `python3` of the PATH."""

    python: Path
    virtualenv: Path | None

    @classmethod
    def of(cls, info: language_pb2.ProgramInfo) -> Environment:
        """The environment that the project's runtime options ask for. Raises UnusableEnvironmentError when it is
        not there.
        """
        options = dict(info.options)
        if options.get("toolchain", "pip") != "pip":
            raise UnusableEnvironmentError(
                f"The runtime option toolchain={options['toolchain']} in Pulumi.yaml is not known to this language "
                "host: it runs programs in a virtualenv. Remove the option, or install the official language host."
            )
        folder = str(options.get("virtualenv") or "")
        if not folder:
            python = shutil.which("python3") or shutil.which("python")
            if python is None:
                raise UnusableEnvironmentError(
                    "Neither python3 nor python is on the PATH. Install Python 3.11 or newer."
                )
            return cls(Path(python), None)
        virtualenv = (Path(info.root_directory) / folder).absolute()
        python = virtualenv / "bin" / "python"
        if not python.is_file():
            raise UnusableEnvironmentError(
                f"The virtualenv {virtualenv} has no bin/python. The runtime option virtualenv in Pulumi.yaml is "
                f"{folder!r}. Create it: python3 -m venv {virtualenv} && {python} -m pip install -r requirements.txt"
            )
        return cls(python, virtualenv)

    def variables(self, base: Mapping[str, str]) -> dict[str, str]:
        """`base` with the virtualenv activated: its programs come first, and no other interpreter's home leaks in."""
        variables = dict(base)
        if self.virtualenv:
            variables["VIRTUAL_ENV"] = str(self.virtualenv)
            variables["PATH"] = f"{self.virtualenv / 'bin'}{os.pathsep}{base.get('PATH', '')}"
            variables.pop("PYTHONHOME", None)
        return variables

    def folders(self) -> list[Path]:
        """Where this interpreter finds installed packages."""
        if self.virtualenv:
            return sorted(self.virtualenv.glob("lib/python3.*/site-packages"))
        answer = subprocess.run([self.python, "-c", ASK_FOR_FOLDERS], capture_output=True, text=True, check=True)
        standard = Path(sysconfig.get_paths()["stdlib"])
        return [Path(p) for p in json.loads(answer.stdout) if Path(p).is_dir() and Path(p) != standard]

    def required_plugins(self) -> Iterator[plugin_pb2.PackageDependency]:
        """A resource plugin for every installed Pulumi package, imported or not, as the official host does.

        Parameterized packages (a `parameterization` in their pulumi-plugin.json) are not in this host's scope.
        """
        for folder in self.folders():
            for file in sorted(folder.glob("*/pulumi-plugin.json")):
                facts = json.loads(file.read_text())
                if facts.get("resource"):
                    yield plugin_pb2.PackageDependency(
                        name=facts.get("name") or file.parent.name.removeprefix("pulumi_").replace("_", "-"),
                        kind="resource",
                        version=facts.get("version", ""),
                        server=facts.get("server", ""),
                    )

    def distributions(self) -> dict[str, str]:
        """Installed distributions: name to version."""
        found = metadata.distributions(path=[str(f) for f in self.folders()])
        return {d.metadata["Name"]: d.version for d in found if d.metadata["Name"]}
