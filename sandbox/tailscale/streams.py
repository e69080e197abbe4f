"""Where the tailnet's logs go: one stream per type of log, and the AWS external ids of those that go to S3.

Owns these records and which fields a destination needs. Secrets are taken and thrown away: no call gives them back.
Nothing is streamed anywhere. That a stream without a token is refused is documented; the words of the refusals are not.
"""

from __future__ import annotations

import uuid

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.tailscale.bodies import flag, json_object, text
from sandbox.tailscale.credentials import Actor
from sandbox.tailscale.errors import ApiError, not_found
from sandbox.tailscale.state import State

LOG_TYPES = ("configuration", "network")
NEEDED = {  # destination -> fields that it cannot do without
    **dict.fromkeys(("splunk", "elastic", "panther", "cribl", "datadog", "axiom"), ("url", "token")),
    "s3": ("s3Bucket", "s3Region", "s3AuthenticationType"),
    "gcs": ("gcsBucket", "gcsCredentials"),
}
NEEDED_BY_S3 = {"rolearn": ("s3RoleArn", "s3ExternalId"), "accesskey": ("s3AccessKeyId", "s3SecretAccessKey")}
SECRETS = ("token", "s3SecretAccessKey")
AWS_ACCOUNT = "000000000000"


async def get(request: Request, state: State, _caller: Actor) -> Response:
    """Where logs of a type go, without secrets; 404 when they go nowhere."""
    stream = state.data["streams"].get(_log_type(request))
    if stream is None:
        raise not_found("log stream")
    return JSONResponse(stream)


async def put(request: Request, state: State, caller: Actor) -> Response:
    log_type, body = _log_type(request), await json_object(request)
    destination = text(body, "destinationType")
    if destination not in NEEDED:
        raise ApiError(400, f"destinationType must be one of {', '.join(NEEDED)}")
    needed = NEEDED[destination]
    if destination == "s3":
        needed += NEEDED_BY_S3.get(text(body, "s3AuthenticationType"), ())
    missing = [name for name in needed if not text(body, name)]
    if missing:
        raise ApiError(400, f"{', '.join(missing)} must be set for destinationType {destination}")
    # Told when S3 came; the plugin's own acceptance tests leave its default user in. The stand-in is the stricter.
    if destination == "s3" and text(body, "user"):
        raise ApiError(400, "user must not be set for destinationType s3")
    if text(body, "s3ExternalId") and body["s3ExternalId"] not in state.data["externalIds"]:
        raise ApiError(400, "s3ExternalId is not one of this tailnet")
    shown = {name: value for name, value in body.items() if name not in SECRETS}
    state.data["streams"][log_type] = {"logType": log_type} | shown
    state.record("UPDATE", "LOG_STREAM", log_type, caller.id)
    return Response(status_code=200)


async def delete(request: Request, state: State, caller: Actor) -> Response:
    log_type = _log_type(request)
    if state.data["streams"].pop(log_type, None) is None:
        raise not_found("log stream")
    state.record("DELETE", "LOG_STREAM", log_type, caller.id)
    return Response(status_code=200)


async def new_external_id(request: Request, state: State, _caller: Actor) -> Response:
    """An id, and the AWS account that it comes from. With `reusable` the last one may be given again."""
    known = state.data["externalIds"]
    if not (flag(await json_object(request), "reusable", default=False) and known):
        known.append(str(uuid.uuid4()))
    return JSONResponse({"externalId": known[-1], "tailscaleAwsAccountId": AWS_ACCOUNT})


def _log_type(request: Request) -> str:
    log_type = request.path_params["type"]
    if log_type not in LOG_TYPES:
        raise not_found("log type")
    return log_type
