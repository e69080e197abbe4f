"""The operator's chart: which one, and that what it renders is what the other rules have read.

The engine sees a release and not the objects that Helm makes of it, so whatever would change these unseen is refused.
"""

from __future__ import annotations

from collections.abc import Iterator

from policy.seen import Limits, Seen

CHARTS = ("https://pkgs.tailscale.com/helmcharts/tailscale-operator",)
"""Repository and name of the charts that are allowed unless the configuration says others."""
UNSEEN = ("postrender", "valueYamlFiles")
API_PROXY = "apiServerProxyConfig"
CONTROL = ("loginServer", "OPERATOR_LOGIN_SERVER")
"""The chart's value, and the variable that it becomes: which control server tells the operator who is who."""


def known(seen: Seen, limits: Limits) -> Iterator[str]:
    """Another chart, one that floats or is rewritten, or values by which it makes a ceiling of its own.

    limits: `charts`: repository and name, an OCI address, or a path.
    """
    if seen.kind != "Release":
        return
    repository = str((seen.props.get("repositoryOpts") or {}).get("repo") or "")
    chart = "/".join(part.rstrip("/") for part in (repository, str(seen.props.get("chart") or "")) if part)
    allowed = tuple(limits.get("charts") or CHARTS)
    if chart not in allowed:
        yield f"{chart or 'its chart'} is not one of {', '.join(allowed)}."
    if not seen.props.get("version"):
        yield "its chart has no version: Helm would take the newest."
    for key in UNSEEN:
        if seen.props.get(key):
            yield f"it has {key}, which changes what is installed where nobody looks."
    values = seen.props.get("values") or {}
    variables = [each.get("name") for each in (values.get("operatorConfig") or {}).get("extraEnv") or ()]
    if values.get(CONTROL[0]) or CONTROL[1] in variables:
        yield f"it has {' or '.join(CONTROL)}: the operator would join a tailnet whose owner says who its callers are."
    proxy = values.get(API_PROXY) or {}
    for key in ("mode", "allowImpersonation"):
        if str(proxy.get(key, "")).lower() == "true":
            yield f"{API_PROXY}.{key} is true: the chart answers with a role that may impersonate anybody."
