"""Settings of where the tailnet tells what happens: log streams and webhooks, under `support-access:tailnet`.

Owns names, defaults and forms of one destination. No secret is a setting: a setting names the environment variable
that holds it, where the program runs. Does not own what is made of them (`tailnet/logs.py`, `tailnet/webhooks.py`).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StrictInt, model_validator

from components.settings import forms, tailnet_forms
from components.settings.forms import Settings
from components.settings.problems import refuse

Variable = Annotated[str, BeforeValidator(tailnet_forms.variable)]
Url = Annotated[str, BeforeValidator(tailnet_forms.https_url)]


class _Uploads(Settings):
    upload_minutes: Annotated[StrictInt, Field(ge=1, le=1440)] | None = Field(
        default=None, description="So many minutes lie between two uploads.", examples=[5]
    )
    compression: Literal["none", "zstd", "gzip"] | None = Field(
        default=None, description="How uploads are compressed.", examples=["zstd"]
    )


class Collector(_Uploads):
    """A log collector that is spoken to over HTTPS with a token."""

    destination: Literal["axiom", "cribl", "datadog", "elastic", "panther", "splunk"] = Field(
        description="It says in which form logs are sent.", examples=["splunk"]
    )
    url: Url = Field(
        description="Logs name engineers and devices: they are sent over TLS, and nowhere else.",
        examples=["https://logs.example.com:8088/services/collector"],
    )
    token_variable: Variable = Field(
        description="The environment variable with the token of the collector. The token itself would lie in the"
        " stack's file for everybody to read.",
        examples=["LOGS_TOKEN"],
    )
    user: Annotated[str, AfterValidator(forms.printable)] | None = Field(
        default=None, description="The user of an elastic cluster.", examples=["tailscale"]
    )

    @model_validator(mode="after")
    def _user_is_known_there(self) -> Collector:
        if self.user is not None and self.destination != "elastic":
            raise refuse("It names a user, and only elastic knows users.", remove=("user",))
        return self


class S3(_Uploads):
    """A bucket in S3, or in something that speaks like it."""

    destination: Literal["s3"] = Field(description="It says in which form logs are sent.", examples=["s3"])
    bucket: Annotated[str, AfterValidator(tailnet_forms.bucket)] = Field(
        description="Logs are written into it.", examples=["example-tailnet-logs"]
    )
    region: Annotated[str, AfterValidator(forms.aws_region)] = Field(
        description="The bucket's region.", examples=["eu-central-1"]
    )
    prefix: Annotated[str, AfterValidator(forms.printable)] | None = Field(
        default=None, description="Names of objects begin with it.", examples=["tailnet/"]
    )
    url: Url | None = Field(
        default=None,
        description="The endpoint of a store that is not Amazon's own.",
        examples=["https://s3.example.com"],
    )
    role_arn: Annotated[str, AfterValidator(tailnet_forms.role_arn)] | None = Field(
        default=None,
        description="The IAM role that Tailscale takes on. Left out, the stack only mints the external id that the"
        " role's trust policy must name.",
        examples=["arn:aws:iam::123456789012:role/tailscale-logs"],
    )
    access_key_id: Annotated[str, AfterValidator(forms.printable)] | None = Field(
        default=None, description="An access key, for a store without IAM roles.", examples=["AKIAIOSFODNN7EXAMPLE"]
    )
    secret_access_key_variable: Variable | None = Field(
        default=None,
        description="The environment variable with the secret of the access key.",
        examples=["LOGS_SECRET_ACCESS_KEY"],
    )

    @model_validator(mode="after")
    def _one_way_in(self) -> S3:
        if (self.access_key_id is None) != (self.secret_access_key_variable is None):
            raise refuse("Of accessKeyId and secretAccessKeyVariable it has only one.")
        if self.role_arn is not None and self.access_key_id is not None:
            raise refuse("It has roleArn and accessKeyId: one of them is not used.", remove=("roleArn",))
        return self


class Gcs(_Uploads):
    """A bucket in Google Cloud Storage."""

    destination: Literal["gcs"] = Field(description="It says in which form logs are sent.", examples=["gcs"])
    bucket: Annotated[str, AfterValidator(tailnet_forms.bucket)] = Field(
        description="Logs are written into it.", examples=["example-tailnet-logs"]
    )
    prefix: Annotated[str, AfterValidator(forms.printable)] | None = Field(
        default=None, description="Names of objects begin with it.", examples=["tailnet/"]
    )
    scopes: Annotated[tuple[str, ...], AfterValidator(forms.distinct)] = Field(
        default=(),
        description="OAuth scopes that writing takes.",
        examples=[["https://www.googleapis.com/auth/devstorage.read_write"]],
    )
    credentials_variable: Variable = Field(
        description="The environment variable with the JSON of the workload identity.",
        examples=["LOGS_GCS_CREDENTIALS"],
    )


Destination = Collector | S3 | Gcs
Streamed = Annotated[
    Annotated[Destination | None, Field(discriminator="destination")], BeforeValidator(tailnet_forms.hushed)
]


class Logs(Settings):
    """Which of the tailnet's logs are streamed where."""

    configuration: Streamed = Field(
        default=None,
        description="Who changed the tailnet: a registration, a grant, a credential.",
        examples=[{"destination": "s3", "bucket": "example-tailnet-logs", "region": "eu-central-1"}],
    )
    network: Streamed = Field(
        default=None,
        description="Who spoke with whom; it needs networkFlowLogs.",
        examples=[{"destination": "s3", "bucket": "example-tailnet-logs", "region": "eu-central-1"}],
    )


class Webhook(Settings):
    """One endpoint that is told of events."""

    url: Url | None = Field(
        default=None, description="An endpoint that checks signatures.", examples=["https://hooks.example.com/tailnet"]
    )
    url_variable: Variable | None = Field(
        default=None,
        description="The environment variable with the URL of a chat: whoever knows that URL may write there.",
        examples=["SECURITY_CHAT_URL"],
    )
    provider: Literal["slack", "mattermost", "googlechat", "discord"] | None = Field(
        default=None, description="The chat whose form messages have.", examples=["slack"]
    )
    events: Annotated[
        tuple[Annotated[str, AfterValidator(tailnet_forms.event)], ...],
        BeforeValidator(forms.filled),
        AfterValidator(forms.distinct),
    ] = Field(description="What the endpoint is told.", examples=[["policyUpdate", "nodeCreated"]])

    @model_validator(mode="after")
    def _one_url(self) -> Webhook:
        if (self.url is None) == (self.url_variable is None):
            raise refuse("It needs exactly one of url and urlVariable.")
        if self.provider is not None and self.url is not None:
            raise refuse(
                "It is for a chat, and its url stands in the stack's file.",
                why="Whoever knows the URL of a chat's hook may write there: name a variable with it in urlVariable.",
            )
        return self
