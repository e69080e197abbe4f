"""What the operator proves itself with at Tailscale: an OAuth client, or the cluster's own tokens.

Owns both forms, and what each says of itself. An OAuth client has a secret, which is proved before it goes anywhere. A
federated identity has none: whoever has a token of the cluster's issuer for the operator's ServiceAccount and this
audience is the operator. Tailscale makes its id, and nothing in the cluster may wait for that, because the credential
must be deletable before what is there; so the id stands in the settings too, and is compared here. Does not own the
Secret in the cluster. Dies after access and enrolment, before the devices, so that none comes back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_tailscale as tailscale

from components.features import federated_audience, scopes
from components.settings.environment import EnvironmentSettings
from components.settings.federation import SUBJECT, Federation, wrong_id
from providers.tailnet.resources import CredentialProof, Provider


@dataclass(frozen=True, kw_only=True, slots=True)
class OperatorCredential:
    """resource: the credential at Tailscale. good: what to wait for before anybody is let in by it. outputs: what the
    stack says of it. secret: `client_id` and `client_secret`; None where there is none."""

    resource: tailscale.OauthClient | tailscale.FederatedIdentity
    good: Sequence[pulumi.Input[pulumi.Resource]]
    outputs: dict[str, pulumi.Input[Any]]
    secret: dict[str, pulumi.Output[str]] | None


def operator_credential(
    settings: EnvironmentSettings,
    *,
    tailnet: Provider,
    keys: tailscale.Provider,
    after: Sequence[pulumi.Resource],
    parent: pulumi.Resource,
) -> OperatorCredential:
    """after: what is there first. Its tags must be declared; and it goes before the devices do, or they would come
    back."""
    federation = settings.credential.federation
    opts = pulumi.ResourceOptions(parent=parent, provider=keys, depends_on=list(after))
    if federation is not None:
        return _federated(settings, federation, opts)
    names = settings.names
    client = tailscale.OauthClient(
        # A higher generation is a new client, made before the old one goes.
        names.resource(f"client-{settings.credential.generation}"),
        description=names.oauth_description,
        scopes=scopes(settings),
        tags=names.operator_tags,
        opts=opts,
    )
    proof = CredentialProof(
        names.resource("credential-proof"),
        customer=names.customer,
        environment=names.environment,
        client_id=client.id,
        client_secret=client.key,
        scopes=scopes(settings),
        opts=pulumi.ResourceOptions(parent=parent, provider=tailnet),
    )
    return OperatorCredential(
        resource=client,
        good=[client, proof],
        outputs={
            "id": client.id,
            "scopes": client.scopes,
            "tags": client.tags,
            "createdAt": client.created_at,
            "provedAt": proof.proved_at,
        },
        secret={"client_id": client.id, "client_secret": client.key},
    )


def _federated(
    settings: EnvironmentSettings, federation: Federation, opts: pulumi.ResourceOptions
) -> OperatorCredential:
    names = settings.names
    identity = tailscale.FederatedIdentity(
        names.resource("federated"),
        description=names.oauth_description,
        issuer=federation.issuer,
        subject=SUBJECT,
        audience=federated_audience(settings),
        scopes=scopes(settings),
        tags=names.operator_tags,
        opts=opts,
    )

    def checked(made: str) -> pulumi.Resource:
        if refusal := wrong_id(names.name, federation.client_id, made):
            raise pulumi.RunError(refusal)
        return identity

    return OperatorCredential(
        resource=identity,
        good=[identity.id.apply(checked)],
        outputs={
            "kind": "federated",
            "id": identity.id,
            "issuer": identity.issuer,
            "subject": identity.subject,
            "audience": identity.audience,
            "scopes": identity.scopes,
            "tags": identity.tags,
            "createdAt": identity.created_at,
        },
        secret=None,
    )
