"""A client of the Tailscale API with the credential that the environment holds, for one command.

Owns nothing but the life of the client: which credential it is, is the environment's (docs/credentials.md).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from providers.tailnet.client import Client
from providers.tailnet.credentials import credentials


@contextmanager
def tailscale() -> Iterator[Client]:
    """The client; closed at the end. Raises TailnetError for a credential that is missing or ambiguous."""
    with Client(credentials(os.environ)) as client:
        yield client
