"""A client of the Tailscale API with the credential that the environment holds, for one command.

Owns nothing but the life of the client: which credential it is, is the environment's (docs/credentials.md).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from providers.tailnet.client import Client
from providers.tailnet.credentials import credentials
from providers.tailnet.transport import PATIENCE


@contextmanager
def tailscale(patience: float = PATIENCE) -> Iterator[Client]:
    """The client; closed at the end. Raises TailnetError for a credential that is missing or ambiguous.

    patience: seconds within which one call is tried again.
    """
    with Client(credentials(os.environ), patience=patience) as client:
        yield client
