"""How long a delete may wait for a customer's cluster."""

import pulumi

SHORT_DELETE = pulumi.CustomTimeouts(delete="30s")
"""For objects that go before the operator's credential does: on the day of the kill a slow API server must not
hold up what comes after them."""

RELEASE_TIMEOUTS = pulumi.CustomTimeouts(create="5m", update="5m", delete="3m")
"""For the Helm release, which goes when everything at Tailscale is gone already."""

NAMESPACE_TIMEOUTS = pulumi.CustomTimeouts(delete="2m")
"""For the namespace: pods take half a minute to end, and one that hangs on somebody's finalizer hangs for ever; the
engine would wait ten minutes before it says so."""
