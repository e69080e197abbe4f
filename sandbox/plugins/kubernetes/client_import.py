"""The official Kubernetes client without what makes it slow to import.

`import kubernetes` reads 60 API classes and 700 model classes, more than a second that every preview would pay for. The
plugin speaks through the client's dynamic part, which needs none of them. This puts empty modules in their place, in
the plugin's own process and before anything else imports the client; without it everything works too, only later.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from importlib import metadata
from pathlib import Path
from types import ModuleType

_NEEDED = {
    "kubernetes.client.configuration": ("Configuration",),
    "kubernetes.client.exceptions": ("ApiException",),
    "kubernetes.client.rest": (),
    "kubernetes.client.api_client": ("ApiClient",),
}


def import_needed_parts() -> None:
    """Make the client's transport, configuration and dynamic parts importable on their own."""
    found = importlib.util.find_spec("kubernetes")
    if found is None or found.origin is None:
        raise ImportError("the package `kubernetes` is not installed: pip install -r requirements/dev.txt")
    folder = Path(found.origin).parent
    package = _empty("kubernetes", folder)
    client = _empty("kubernetes.client", folder / "client")
    _empty("kubernetes.client.models", folder / "client" / "models")
    package.__dict__.update(__version__=metadata.version("kubernetes"), client=client)
    for name, exported in _NEEDED.items():
        module = importlib.import_module(name)
        client.__dict__.update({attribute: getattr(module, attribute) for attribute in exported})
    importlib.import_module("kubernetes.config.kube_config")
    importlib.import_module("kubernetes.dynamic")


def _empty(name: str, folder: Path) -> ModuleType:
    module = ModuleType(name)
    module.__path__ = [str(folder)]
    sys.modules[name] = module
    return module
