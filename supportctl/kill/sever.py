"""Severing at Tailscale: policy, credentials, devices, Services, in this order and through the API alone.

Owns the order, and that no step waits for another one's success: a policy that the server refuses does not keep a
credential alive. Each step is a loop until nothing is found, so a kill that was cut short is finished by the next.
Touches no cluster, no state and no program.
"""

from __future__ import annotations

from collections.abc import Callable
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

        def found() -> list[tuple[str, Callable[[], object]]]:
            keys = self.client.keys()
            for key in keys:
                tags = key_tags(key)
                if tags and not any(map(self.target.owns, tags)) and all(map(self.target.touches, tags)):
                    self._left(
                        f"the {key.get('keyType')} {key['id']} carries only {', '.join(tags)}, which the customer's "
                        f"environments share: `supportctl kill --customer {self.target.customer}` removes it"
                    )
            return [
                (f"{key.get('keyType', 'key')} {key['id']}", partial(self.client.delete_key, str(key["id"])))
                for key in keys
                if any(map(self.target.owns, key_tags(key)))
            ]

        return self._until_none_is_left(found)

    def devices(self) -> list[str]:
        """Devices by tag, which ends open connections."""

        def found() -> list[tuple[str, Callable[[], object]]]:
            devices = self.client.devices()
            for device in devices:
                tags = list(device.get("tags") or [])
                if tags and not any(map(self.target.owns, tags)) and any(map(self.target.touches, tags)):
                    self._left(
                        f"the device {device.get('name')} carries only {', '.join(tags)}, which the customer's "
                        f"environments share: `supportctl kill --customer {self.target.customer}` removes it"
                    )
            return [
                (str(device.get("name")), partial(self.client.delete_device, str(device["nodeId"])))
                for device in devices
                if any(map(self.target.owns, device.get("tags") or []))
            ]

        return self._until_none_is_left(found)

    def services(self) -> list[str]:
        """Tailscale Services by tag."""

        def found() -> list[tuple[str, Callable[[], object]]]:
            return [
                (str(service["name"]), partial(self.client.delete_service, str(service["name"])))
                for service in self.client.services()
                if any(map(self.target.owns, service.get("tags") or []))
            ]

        return self._until_none_is_left(found)

    def _until_none_is_left(self, find: Callable[[], list[tuple[str, Callable[[], object]]]]) -> list[str]:
        gone: list[str] = []
        for _ in range(ROUNDS):
            found = find()
            gone += [name for name, _ in found if name not in gone]
            if not found or self.dry:
                return gone
            for _, delete in found:
                delete()
        raise TailnetError(
            f"{', '.join(name for name, _ in find())} came back {ROUNDS} times: something still makes them. Run the "
            "kill again; if they return, look for a credential without this environment's tags that mints them."
        )

    def _left(self, line: str) -> None:
        if line not in self.record.left:
            self.record.left.append(line)


def key_tags(key: dict[str, Any]) -> list[str]:
    """Tags of a credential: a client and a federated identity carry them, an auth key gives them to its devices."""
    create = ((key.get("capabilities") or {}).get("devices") or {}).get("create") or {}
    return [*(key.get("tags") or []), *(create.get("tags") or [])]
