"""What goes into the customer's cluster, as plain Kubernetes objects in the API's own spelling.

Knows nothing of Pulumi: components/cluster registers them with the engine, and a customer who installs alone is handed
the same ones. So both deliveries make the same objects because there is one place that writes them.
"""

from __future__ import annotations

from typing import Any

Manifest = dict[str, Any]
"""One object: apiVersion, kind, metadata and the rest."""
