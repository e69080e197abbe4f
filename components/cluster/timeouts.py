"""How long a delete may wait for a customer's cluster."""

import pulumi

SHORT_DELETE = pulumi.CustomTimeouts(delete="30s")
"""For an object that is taken out of the settings while its owner stays: a finalizer of somebody else's must not hold
up an update that narrows. When everything is removed, the engine deletes none of these objects by itself."""

RELEASE_TIMEOUTS = pulumi.CustomTimeouts(create="5m", update="5m", delete="3m")
"""For the Helm release, which is uninstalled when everything at Tailscale is gone already."""

NAMESPACE_TIMEOUTS = pulumi.CustomTimeouts(delete="2m")
"""For the namespace: pods take half a minute to end, and one that hangs on somebody's finalizer hangs for ever; the
engine would wait ten minutes before it says so."""
