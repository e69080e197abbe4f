"""A rule in the policy of a Secure Web Proxy that the customer already has, in GCP.

Owns a list of hosts and one rule that allows them on port 443; never the policy, the proxy, routes or the proxy's
certificate. The rule decrypts nothing. It opens no connection by itself: nodes and pods must come to the proxy, by
routes or by proxy variables, which is the customer's side. Dies after the release, the rule before its list.
"""

from __future__ import annotations

import pulumi
import pulumi_gcp as gcp

from components import PACKAGE
from components.egress import left_out
from components.egress.destinations import Spelling
from components.egress.gcp_names import hosts, object_name
from components.egress.target import Target, TargetArgs, description
from components.endpoints.published import HTTPS
from components.settings.egress_gcp import GcpSecureWebProxyEgress


class GcpSecureWebProxy(Target):
    """HTTPS to the needed hosts, for the sources."""

    def __init__(
        self,
        name: str,
        args: TargetArgs[GcpSecureWebProxyEgress],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(f"{PACKAGE}:egress:GcpSecureWebProxy", name, None, opts)
        egress = args.egress
        left_out.tell(args, left_out.is_named_on_443, "names on TCP 443")
        location = egress.part("location") or ""
        allowed = gcp.networksecurity.UrlList(
            f"{name}-hosts",
            name=object_name(args.names, "urls", egress.place),
            description=description(args.names),
            project=egress.project,
            location=location,
            values=hosts(args.rows, Spelling.WILDCARD),
            opts=pulumi.ResourceOptions(parent=self, provider=args.provider, depends_on=[args.narrowed]),
        )
        rule = gcp.networksecurity.GatewaySecurityPolicyRule(
            f"{name}-allow",
            name=object_name(args.names, "rule", egress.place),
            description=description(args.names),
            project=egress.project,
            location=location,
            gateway_security_policy=egress.name,
            enabled=True,
            priority=egress.priority,
            basic_profile="ALLOW",
            session_matcher=allowed.id.apply(lambda values: matcher(egress.sources, values)),
            tls_inspection_enabled=False,
            # A name is taken once: a replacement has to go before it comes.
            opts=pulumi.ResourceOptions(parent=self, provider=args.provider, delete_before_replace=True),
        )
        self.handoff = {
            "target": egress.target,
            "place": egress.place,
            "urlList": allowed.id,
            "rule": rule.id,
            "customerChecks": [
                "Nodes and pods come to the proxy: by routes, or with proxy variables that name it.",
                f"No rule of the policy numbered {egress.priority} or below denies or decrypts this.",
            ],
        }
        self.register_outputs(self.handoff)


def matcher(sources: tuple[str, ...], url_list: str) -> str:
    """In Google's expression language: from one of the sources, to a host of the list, on port 443."""
    came = " || ".join(f"inIpRange(source.ip, '{source}')" for source in sources)
    return f"({came}) && inUrlList(host(), '{url_list}') && destination.port == {HTTPS}"
