"""The resource CredentialProof: the operator's OAuth client was good before anything depended on it.

Owns the proof, a token minted with the client's own id and secret, and when that was. Between the client and its Secret
in the customer's cluster: what is refused never gets there, and since Pulumi deletes what is no longer declared after
everything else has worked, the client of before is still there then. The token is dropped; it ends within the hour.
Makes nothing, and deletes nothing. Never replaces.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from .client import Client
from .credentials import Credentials
from .log import Log
from .problems import ApiError, TailnetError
from .slice_check import Problem, environment_problems
from .values import UNKNOWN, is_known

Properties = dict[str, Any]
INPUTS = ("customer", "environment", "clientId", "scopes")
"""What the outputs keep of the inputs. Not the secret; among the inputs the engine keeps it, encrypted as it came."""

ATTEMPTS = 6
"""A client that was made a moment ago may be refused: the API's parts learn of it one after the other."""
PAUSE = 2.0
"""Seconds between two attempts."""

WAY_ON = (
    "Run `pulumi up` again; if it is refused again, raise credential.generation by one, which makes another client. "
    "Where an operator was there before, its pod waits for the Secret, and the API is away until then: setting the "
    "generation back brings it back, for the client and the Secret of before are still there."
)


class CredentialProof:
    """Handles CredentialProof requests. Properties are plain values."""

    def __init__(self, client: Client, log: Log) -> None:
        self.client = client
        self.log = log

    @staticmethod
    def check(inputs: Mapping[str, Any]) -> list[Problem]:
        """Problems of the inputs."""
        found = list(environment_problems(inputs))
        found += [(name, "it is missing") for name in ("clientId", "clientSecret", "scopes") if not inputs.get(name)]
        return found

    def identifier(self, inputs: Mapping[str, Any]) -> str:
        """`<customer>-<environment>`."""
        return f"{inputs['customer']}-{inputs['environment']}"

    def preview(self, inputs: Properties, _previous: Properties | None = None, /) -> Properties:
        """When it will have been is not known before."""
        return {**_kept(inputs), "provedAt": UNKNOWN}

    def create(self, inputs: Properties, _previous: Properties | None = None, /) -> Properties:
        """Mints a token; also for update. Raises TailnetError when the client is refused, or holds too little."""
        held = self._mint(inputs["clientId"], inputs["clientSecret"])
        missing = sorted(set(inputs["scopes"]) - held) if held is not None else []
        if missing:
            raise TailnetError(
                f"the OAuth client {inputs['clientId']} mints tokens without {', '.join(missing)}: the API has cut "
                f"what was asked for, perhaps because the deployer does not hold it. Give it to the deployer. {WAY_ON}"
            )
        return {**_kept(inputs), "provedAt": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}

    def read(self, state: Properties) -> Properties:
        """The state: a proof is of its time. Raises TailnetError for an import."""
        if "clientId" not in state:
            raise TailnetError(
                "a CredentialProof cannot be imported: declare it and run `pulumi up`, which proves anew"
            )
        return state

    def diff(self, state: Properties, inputs: Properties) -> dict[str, str]:
        """Another client, or other scopes, are to be proved."""
        return {
            name: "update" for name in INPUTS if not is_known(inputs.get(name)) or state.get(name) != inputs.get(name)
        }

    def delete(self, state: Properties) -> None:
        """Nothing: the client is removed as what it is."""

    def _mint(self, client_id: str, client_secret: str) -> frozenset[str] | None:
        """The scopes of a token of this client, or None where the API does not say."""
        own = self.client.credentials
        credential = Credentials(
            base_url=own.base_url,
            tailnet=own.tailnet,
            variables=f"the operator's credential {client_id}",
            client_id=client_id,
            client_secret=client_secret,
        )
        with Client(credential, sleep=self.client.sleep, patience=self.client.patience) as operator:
            for left in reversed(range(ATTEMPTS)):
                try:
                    return operator.scopes()
                except ApiError as error:
                    if error.status not in (400, 401, 403, 404) or not left:
                        raise TailnetError(
                            f"the OAuth client {client_id} mints no token ({error.reason or error}), so it does not go "
                            f"into the cluster. {WAY_ON}"
                        ) from None
                    self.log.progress(f"the new OAuth client {client_id} is not known yet")
                    self.client.sleep(PAUSE)
        raise AssertionError("the last attempt returns or raises")


def _kept(inputs: Mapping[str, Any]) -> Properties:
    return {name: inputs[name] for name in INPUTS if name in inputs}
