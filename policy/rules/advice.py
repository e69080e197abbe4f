"""What is worth knowing and stops nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from policy.rules.versions import NEWEST, version_in
from policy.seen import Limits, Seen

MAX_AGE_DAYS = 180


def operator_behind(seen: Seen, limits: Limits) -> Iterator[str]:
    """An operator older than what is known. limits: `newest`."""
    newest, installed = version_in(limits.get("newest")) or NEWEST, version_in(seen.props.get("version"))
    if seen.kind == "Release" and (installed is None or installed < newest):
        yield f"the operator's chart is {seen.props.get('version')}; {newest} is known."


def telling_hostname(seen: Seen, limits: Limits) -> Iterator[str]:
    """A host name that says whose cluster it is: certificates are published in public logs."""
    del limits
    if seen.type != "tailnet:index:Enrollment":
        return
    customer, hostname = str(seen.props.get("customer")), str(seen.props.get("hostname"))
    if customer in hostname:
        yield f"the host name {hostname} names the customer, and certificates are public: operator.hostname hides it."


def old_credential(seen: Seen, limits: Limits) -> Iterator[str]:
    """A credential that was proved long ago. limits: `days`. Judged at `up` and in an audit."""
    proved = seen.props.get("provedAt")
    if seen.type != "tailnet:index:CredentialProof" or not isinstance(proved, str):
        return
    days = int(limits.get("days") or MAX_AGE_DAYS)
    age = (datetime.now(UTC) - datetime.fromisoformat(proved)).days
    if age > days:
        yield f"the operator's credential is {age} days old (limit {days}): raise credential.generation by one."
