"""Environment variables of everything that dials out of the cluster: the operator and its proxies alike.

Owns that neither sends its logs to the vendor of the transport, and the way through an HTTP proxy.
"""

from __future__ import annotations

from components.settings.operator import Operator


def outbound_variables(operator: Operator) -> list[dict[str, str]]:
    """In a container's own spelling, in an order that does not change."""
    # No logs to the vendor of the transport: one host less in the customer's egress list.
    variables = {"TS_NO_LOGS_NO_SUPPORT": "true"}
    if operator.http_proxy is not None:
        variables |= operator.http_proxy.variables
    return [{"name": name, "value": value} for name, value in variables.items()]
