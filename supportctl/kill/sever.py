"""Severing at Tailscale: policy, credentials, devices, Services, in this order and through the API alone.

Owns the order, and that no step waits for another one's success: a policy that the server refuses does not keep a
credential alive, nor does a fault of this program in one step keep the others from running. Each step is a loop until
nothing is found, so a kill that was cut short is finished by the next. Touches no cluster, no state and no program.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from providers.tailnet.client import Client
from providers.tailnet.open_policy import is_open, reached_until_deleted
from providers.tailnet.ownership import mentioned_tags
from providers.tailnet.problems import ApiError, TailnetError
from providers.tailnet.severance import Mark, Severed, severed
from providers.tailnet.slice import read
from providers.tailnet.tags import Environment
from supportctl.keys import key_name, key_tags, unlisted
from supportctl.kill.record import Record
from supportctl.kill.target import Target
from supportctl.removal import remove

QUICK = 10.0
"""Seconds for which one call is tried again in the first round: the credentials wait no longer for the policy."""
ROUNDS = 5
"""So often what came back is removed again."""

POLICY, CREDENTIALS, DEVICES, SERVICES = "policy", "credentials", "devices", "services"
STEPS = (POLICY, CREDENTIALS, DEVICES, SERVICES)


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
    """The environments that are known; those of the document are, after `policy`."""
    seen: bool = False
    """Whether anything bore the target's name, now or in an earlier kill."""
    others: tuple[str, ...] | None = None
    """The environments that the document has besides; None when it was not read."""
    open: bool = False
    """Whether the document lets everybody in: then its change revokes nothing, and the devices' removal does."""
    busy: list[str] = field(default_factory=list)
    """Steps of the last run that failed although the next minute may help: no answer, a server error, a rate limit."""

    def __post_init__(self) -> None:
        self.environments = self.target.environments(self.known)

    def run(self, steps: Sequence[str] = STEPS) -> bool:
        """These steps, in the order of STEPS; True when each of them found or left nothing."""
        self.busy.clear()
        failed = [name for name in STEPS if name in steps and not self._step(name, getattr(self, name))]
        return not failed

    def _step(self, name: str, work: Callable[[], list[str]]) -> bool:
        try:
            what = work()
        except TailnetError as error:
            self._failed(name, error, str(error))
        except Exception as error:  # whatever is wrong with this step, the others are not held up by it
            self._failed(name, error, f"a fault of this program: {type(error).__name__}: {error}")
        else:
            done = "would be done" if self.dry else "done"
            self.record.add(name, done if what else "nothing to do", what)
            return True
        return False

    def _failed(self, name: str, error: Exception, said: str) -> None:
        self.record.add(name, "failed", error=said)
        if _is_busy(error):
            self.busy.append(name)

    def policy(self) -> list[str]:
        """One POST takes everything of the target out and leaves the killed-groups."""

        def edit(text: str) -> Severed:
            document = read(text)
            named = mentioned_tags(document, lambda _: False)
            known = self.target.environments([*named, *self.known])
            killed = self.target.killed(document)
            self.environments = sorted({*known, *killed}, key=lambda environment: environment.name)
            # Only a mark that was there before this kill wrote anything is an earlier one's.
            self.seen = self.seen or (self.others is None and bool(killed)) or any(map(self.target.owns, named))
            self.others = tuple(self.target.others(named))
            self.open = is_open(document)
            customer = None if self.target.environment else self.target.customer
            return severed(text, self.environments, self.mark, customer=customer)

        if self.dry:
            return list(edit(self.client.policy().text).words)
        removal = remove(self.client, edit, patience=self.client.patience)
        for warning in removal.written.warnings:
            self._left(warning)
        return list(removal.words)

    def credentials(self) -> list[str]:
        """OAuth clients, federated identities and auth keys whose tags are the target's."""

        def found() -> list[Found]:
            credentials = self.client.keys()
            keys = [(key_name(key), key_tags(key), str(key["id"])) for key in credentials]
            return [
                (name, partial(self.client.delete_key, key_id))
                for name, tags, key_id in keys
                if self._takes(name, tags)
            ]

        gone = self._until_none_is_left(found)
        missing = unlisted(self.client)
        if missing:
            self._left(
                f"credentials that this one cannot see, if there are any: it lacks {', '.join(missing)}, and the API "
                "leaves out what its scopes do not cover. An auth key that an OAuth client minted, a sidecar's for "
                "instance, is not shown in the admin console either. Run the kill again with a credential that has them"
            )
        return gone

    def devices(self) -> list[str]:
        """Devices by tag, which ends open connections."""

        def found() -> list[Found]:
            devices = [(str(device.get("name")), device) for device in self.client.devices()]
            return [
                (name, partial(self.client.delete_device, str(device["nodeId"])))
                for name, device in devices
                if self._takes(f"the device {name}", device.get("tags") or [])
            ]

        gone = self._until_none_is_left(found)
        return [*gone, reached_until_deleted(self.target.name)] if gone and self.open else gone

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
            self.seen = True
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
            busy = next(filter(_is_busy, failures.values()), None)
            raise _NotRemovedError(lines + (f"\nremoved: {', '.join(gone)}" if gone else "")) from busy
        return gone

    def _left(self, line: str) -> None:
        if line not in self.record.left:
            self.record.left.append(line)


class _NotRemovedError(TailnetError):
    """What could not be removed. Its cause is one error of a busy API, if there was one."""


def _is_busy(error: BaseException | None) -> bool:
    """Whether the next minute may help: no answer, a server error, a rate limit, others who write too."""
    if isinstance(error, _NotRemovedError):
        return _is_busy(error.__cause__)
    return isinstance(error, ApiError) and (error.status in (0, 412, 429) or error.status >= 500)
