"""Severing at Tailscale: policy, credentials, devices, Services, in this order and through the API alone.

Owns the order, and that no step waits for another one's success: a policy that the server refuses does not keep a
credential alive. Each step is a loop until nothing is found, so a kill that was cut short is finished by the next.
Touches no cluster, no state and no program.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from providers.tailnet.client import Client
from providers.tailnet.ownership import section_of
from providers.tailnet.problems import TailnetError
from providers.tailnet.severance import Mark, Severed, severed
from providers.tailnet.slice import read
from providers.tailnet.tags import Environment
from supportctl.kill.record import Record
from supportctl.kill.target import Target
from supportctl.removal import remove

POLICY_PATIENCE = 30.0
"""Seconds after which the credentials no longer wait for the policy; it is tried again at the end."""
ROUNDS = 5
"""So often what came back is removed again."""

POLICY, CREDENTIALS, DEVICES, SERVICES = "policy", "credentials", "devices", "services"


Found = tuple[str, Callable[[], object]]
"""A name and the call that removes what bears it."""


@dataclass(slots=True)
class Severing:
    """One kill's work at Tailscale. Errors go into the record; what only a person can decide goes into its `left`."""

    client: Client
    target: Target
    mark: Mark
    record: Record
    known: tuple[str, ...] = ()
    """Operators' tags of environments that are known from elsewhere, such as the files of their stacks."""
    dry: bool = False
    environments: list[Environment] = field(default_factory=list)
    """The environments that were found; known after `policy`."""

    def run(self) -> bool:
        """All four steps; True when each of them found or left nothing."""
        steps = (
            (POLICY, self.policy),
            (CREDENTIALS, self.credentials),
            (DEVICES, self.devices),
            (SERVICES, self.services),
        )
        failed = [name for name, work in steps if not self._step(name, work)]
        return not failed

    def _step(self, name: str, work: Callable[[], list[str]]) -> bool:
        try:
            what = work()
        except TailnetError as error:
            self.record.add(name, "failed", error=str(error))
            return False
        done = "would be done" if self.dry else "done"
        self.record.add(name, done if what else "nothing to do", what)
        return True

    def policy(self) -> list[str]:
        """One POST takes everything of the target out and leaves the killed-groups."""

        def edit(text: str) -> Severed:
            tags = list((section_of(read(text), "tagOwners") or {}).keys())
            self.environments = self.target.environments([*tags, *self.known])
            customer = None if self.target.environment else self.target.customer
            return severed(text, self.environments, self.mark, customer=customer)

        if self.dry:
            return list(edit(self.client.policy().text).words)
        removal = remove(self.client, edit, patience=POLICY_PATIENCE)
        for warning in removal.written.warnings:
            self._left(warning)
        return list(removal.words)

    def credentials(self) -> list[str]:
        """OAuth clients, federated identities and auth keys whose tags are the target's."""

        def found() -> list[Found]:
            credentials = self.client.keys()
            keys = [(f"{key.get('keyType', 'key')} {key['id']}", key_tags(key), str(key["id"])) for key in credentials]
            return [
                (name, partial(self.client.delete_key, key_id))
                for name, tags, key_id in keys
                if self._takes(name, tags)
            ]

        return self._until_none_is_left(found)

    def devices(self) -> list[str]:
        """Devices by tag, which ends open connections."""

        def found() -> list[Found]:
            devices = [(str(device.get("name")), device) for device in self.client.devices()]
            return [
                (name, partial(self.client.delete_device, str(device["nodeId"])))
                for name, device in devices
                if self._takes(f"the device {name}", device.get("tags") or [])
            ]

        return self._until_none_is_left(found)

    def services(self) -> list[str]:
        """Tailscale Services by tag."""

        def found() -> list[Found]:
            return [
                (name, partial(self.client.delete_service, name))
                for service in self.client.services()
                if self._takes(name := str(service["name"]), service.get("tags") or [])
            ]

        return self._until_none_is_left(found)

    def _takes(self, name: str, tags: Sequence[str]) -> bool:
        """Whether what carries these tags goes. What carries shared tags alone is told: no stack removes it."""
        if any(map(self.target.owns, tags)):
            return True
        if tags and all(tag in self.target.chain_tags for tag in tags):
            self._left(
                f"{name} carries only {', '.join(tags)}, which the customer's environments share: "
                f"`supportctl kill --customer {self.target.customer}` removes it, with all environments of the customer"
            )
        return False

    def _until_none_is_left(self, find: Callable[[], list[Found]]) -> list[str]:
        """Removes what is found, and again what came back. One that cannot be removed keeps no other."""
        gone: list[str] = []
        failures: dict[str, TailnetError] = {}
        for _ in range(ROUNDS):
            found = [(name, delete) for name, delete in find() if name not in failures]
            if not found or self.dry:
                gone += [name for name, _ in found]
                break
            for name, delete in found:
                try:
                    delete()
                except TailnetError as error:
                    failures[name] = error
                else:
                    gone += [name] if name not in gone else []
        else:
            raise TailnetError(
                f"{', '.join(gone)}: removed {ROUNDS} times, and something may still make them. Run the kill again; if "
                "they return, look for a credential without this environment's tags that mints them."
            )
        if failures:
            lines = "\n".join(f"{name} is not removed: {error}" for name, error in failures.items())
            raise TailnetError(lines + (f"\nremoved: {', '.join(gone)}" if gone else ""))
        return gone

    def _left(self, line: str) -> None:
        if line not in self.record.left:
            self.record.left.append(line)


def key_tags(key: dict[str, Any]) -> list[str]:
    """Tags of a credential: a client and a federated identity carry them, an auth key gives them to its devices."""
    create = ((key.get("capabilities") or {}).get("devices") or {}).get("create") or {}
    return [*(key.get("tags") or []), *(create.get("tags") or [])]
