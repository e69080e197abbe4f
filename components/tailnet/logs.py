"""One of the tailnet's logs on its way to a collector or a bucket.

Owns the log stream and, where Tailscale takes on an IAM role, the external id that the role's trust policy names. Does
not own the bucket, the role or the switch that makes the tailnet keep flow logs. Dies with the stack: the stream ends;
what was written stays where it is. An external id cannot be given back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import pulumi
import pulumi_tailscale as tailscale

from components import PACKAGE
from components.settings.logs import S3, Collector, Destination, Gcs
from components.tailnet.secrets import given

Log = Literal["configuration", "network"]


@dataclass(frozen=True, kw_only=True, slots=True)
class LogStreamArgs:
    """log: which log; destination: where it goes; after: what must be done before the stream is touched."""

    log: Log
    destination: Destination
    after: pulumi.Resource


class LogStream(pulumi.ComponentResource):
    """A log that is streamed somewhere, or that waits for the IAM role which may write it."""

    outputs: dict[str, Any]
    """`destination`; with an IAM role also what its trust policy must name: `externalId`, `awsAccountId`; and
    `pending`, what still has to happen, or None."""

    def __init__(self, name: str, args: LogStreamArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{PACKAGE}:tailnet:LogStream", name, None, opts)
        destination = args.destination
        self.outputs = {"destination": destination.destination, "pending": None}
        arguments: dict[str, Any] = {}
        if isinstance(destination, S3) and destination.access_key_id is None:
            identifier = tailscale.AwsExternalId(f"{name}-external-id", opts=pulumi.ResourceOptions(parent=self))
            arguments = {"s3_external_id": identifier.external_id}
            self.outputs |= {"externalId": identifier.external_id, "awsAccountId": identifier.tailscale_aws_account_id}
            if destination.role_arn is None:
                self.outputs["pending"] = (
                    "Nothing is streamed: make an IAM role that the account awsAccountId may take on with the external"
                    f" id externalId, then declare it as support-access:tailnet.logs.{args.log}.roleArn."
                )
        if self.outputs["pending"] is None:
            self._stream(name, args, arguments)
        self.register_outputs(self.outputs)

    def _stream(self, name: str, args: LogStreamArgs, arguments: dict[str, Any]) -> None:
        destination = args.destination
        arguments |= _arguments(destination)
        secret, variable = _secret(destination)
        kept: list[str] = []
        if variable is not None:
            arguments[secret] = given(variable, f"the stream of the {args.log} log")
            kept = [] if arguments[secret] is not None else [secret]
        tailscale.LogstreamConfiguration(
            f"{name}-stream",
            log_type=args.log,
            destination_type=destination.destination,
            upload_period_minutes=destination.upload_minutes,
            compression_format=destination.compression,
            **arguments,
            opts=pulumi.ResourceOptions(
                parent=self,
                ignore_changes=kept,
                # An engineer who is taken out of a group is out even when the collector then refuses.
                depends_on=[args.after],
                # The SDK marks tokens, and forgets these: they are a key too.
                additional_secret_outputs=["gcsCredentials"],
            ),
        )


def _arguments(destination: Destination) -> dict[str, Any]:
    match destination:
        case Collector():
            return {"url": destination.url, "user": destination.user}
        case S3():
            return {
                "url": destination.url,
                "user": "",  # left out, the provider sends one of its own, which a bucket may refuse
                "s3_bucket": destination.bucket,
                "s3_region": destination.region,
                "s3_key_prefix": destination.prefix,
                "s3_authentication_type": "rolearn" if destination.access_key_id is None else "accesskey",
                "s3_role_arn": destination.role_arn,
                "s3_access_key_id": destination.access_key_id,
            }
        case Gcs():
            return {
                "user": "",
                "gcs_bucket": destination.bucket,
                "gcs_key_prefix": destination.prefix,
                "gcs_scopes": list(destination.scopes) or None,
            }


def _secret(destination: Destination) -> tuple[str, str | None]:
    """The resource's argument for the destination's secret, and the variable that holds it."""
    match destination:
        case Collector():
            return "token", destination.token_variable
        case S3():
            return "s3_secret_access_key", destination.secret_access_key_variable
        case Gcs():
            return "gcs_credentials", destination.credentials_variable
