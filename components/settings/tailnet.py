"""What the stack `tailnet` declares, as typed, frozen values: what all environments share.

Owns the names, defaults and forms of these settings; a rotation's are in `rota_settings`, those of logs and webhooks in
`log_settings`. Does not own how they are loaded (`settings`) nor rules between them (`tailnet_checks`). Dies by:
nothing; it opens no connection and holds no secret.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StrictBool, StrictInt, model_validator

from components.naming import DEFAULT_DEPLOYER
from components.settings import forms, tailnet_forms
from components.settings.forms import Settings
from components.settings.logs import Logs, Webhook
from components.settings.problems import refuse
from components.settings.rota import Address, Rota

Group = Annotated[str, AfterValidator(forms.policy_group)]


class ServerTest(Settings):
    """What must and must not be reachable: Tailscale refuses every policy, whoever saves it, for which it fails."""

    src: Annotated[str, AfterValidator(tailnet_forms.test_source)] = Field(
        description="A test tries what one user, group, tag or host reaches.", examples=["group:highflame-sre"]
    )
    src_posture_attrs: dict[str, str | bool | int | float] | None = Field(
        default=None, description="What is known of the source's device.", examples=[{"node:os": "macos"}]
    )
    proto: Annotated[str, AfterValidator(forms.printable)] | None = Field(
        default=None, description="Without a protocol a test tries TCP and UDP.", examples=["tcp"]
    )
    accept: tuple[Annotated[str, AfterValidator(tailnet_forms.test_target)], ...] = Field(
        default=(), description="Each of these must be reachable.", examples=[["tag:ci:443"]]
    )
    deny: tuple[Annotated[str, AfterValidator(tailnet_forms.test_target)], ...] = Field(
        default=(), description="None of these may be reachable.", examples=[["tag:support-access-sentinel:443"]]
    )

    @model_validator(mode="after")
    def _asks_something(self) -> ServerTest:
        if not self.accept and not self.deny:
            raise refuse("It has neither accept nor deny.")
        return self

    def entry(self) -> dict[str, object]:
        """As the policy document has it: what is not declared is left out."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in self.model_dump(by_alias=True, exclude_defaults=True).items()
        }


class TailnetSettings(Settings):
    """What all environments share."""

    groups: Annotated[
        dict[Group, Annotated[tuple[Address, ...], AfterValidator(forms.distinct)]],
        BeforeValidator(forms.filled),
    ] = Field(
        description="Each group lists its engineers by their tailnet login. An address that goes here loses its access"
        " in every environment.",
        examples=[{"group:highflame-sre": ["ada@example.com"]}],
    )
    rotas: dict[Group, Rota] = Field(
        default={},
        description="Each rotation fills one group with whoever is on call.",
        examples=[{"group:highflame-oncall": {"starts": "2026-11-23", "order": [["ada@example.com"]]}}],
    )
    revoked: Annotated[tuple[Address, ...], AfterValidator(forms.distinct)] = Field(
        default=(),
        description="They are in no group that this stack writes, wherever else an address is named: one edit cuts an"
        " engineer off.",
        examples=[["mallory@example.com"]],
    )
    postures: dict[
        Annotated[str, AfterValidator(tailnet_forms.posture_name)],
        Annotated[
            tuple[Annotated[str, AfterValidator(tailnet_forms.posture_condition)], ...], BeforeValidator(forms.filled)
        ],
    ] = Field(
        default={},
        description="What a device must be like, by a name that every environment's access may use.",
        examples=[{"posture:managed-mac": ["node:os == 'macos'"]}],
    )
    tests: tuple[ServerTest, ...] = Field(
        default=(),
        description="What must hold for the whole tailnet, whoever changes the policy.",
        examples=[[{"src": "group:highflame-sre", "deny": ["tag:support-access-sentinel:443"]}]],
    )
    open_policy: Literal["close"] | None = Field(
        default=None,
        description="A policy document with neither acls nor grants lets everybody in, and no environment comes up in"
        " it. `close` gives it an empty list of grants: then nothing is reached that no grant names.",
        examples=["close"],
    )
    magic_dns: StrictBool = Field(
        default=True, description="The API proxies' certificates are for MagicDNS names.", examples=[True]
    )
    https: StrictBool = Field(
        default=True, description="Without HTTPS certificates no API proxy finishes a TLS handshake.", examples=[True]
    )
    device_approval: StrictBool | None = Field(
        default=None, description="Whether somebody must approve a person's new device.", examples=[True]
    )
    user_approval: StrictBool | None = Field(
        default=None, description="Whether somebody must approve a new person.", examples=[True]
    )
    key_expiry_days: Annotated[StrictInt, Field(ge=1, le=180)] | None = Field(
        default=None, description="So many days pass until a person's device must log in again.", examples=[90]
    )
    network_flow_logs: StrictBool | None = Field(
        default=None, description="Whether the tailnet keeps logs of who spoke with whom.", examples=[True]
    )
    logs: Annotated[Logs, BeforeValidator(tailnet_forms.hushed)] = Field(
        default=Logs(),
        description="Where the tailnet's logs are streamed.",
        examples=[{"configuration": {"destination": "s3", "bucket": "b", "region": "eu-central-1"}}],
    )
    webhooks: Annotated[
        dict[
            Annotated[str, AfterValidator(tailnet_forms.word)],
            Annotated[Webhook, BeforeValidator(tailnet_forms.hushed)],
        ],
        BeforeValidator(tailnet_forms.hushed),
    ] = Field(
        default={},
        description="Who is told of events in the tailnet.",
        examples=[{"security": {"url": "https://hooks.example.com/tailnet", "events": ["policyUpdate"]}}],
    )


class TailnetStack(Settings):
    """The keys of the stack `tailnet`."""

    deployer: Annotated[str, AfterValidator(forms.deployer)] = Field(
        default=DEFAULT_DEPLOYER,
        description="One for the whole tailnet: Pulumi.yaml declares it, so the engine hands it to this stack too.",
        examples=[DEFAULT_DEPLOYER],
    )
    tailnet: TailnetSettings = Field(
        description="The stack called tailnet owns what all environments share.",
        examples=[{"groups": {"group:highflame-sre": ["ada@example.com"]}}],
    )
