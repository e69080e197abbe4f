"""The policy document: get, replace, validate.

Owns the text (byte for byte as it was posted), its ETag and the conditional save. What a document may say is
judged in policy/. The ETag is the SHA-256 of the text; the real service is believed to hash the formatted text,
which matters only to a client that computes it itself.
"""

from __future__ import annotations

import base64
import hashlib
import json

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.tailscale.credentials import Actor
from sandbox.tailscale.errors import ApiError
from sandbox.tailscale.policy import hujson, judge
from sandbox.tailscale.policy.refusal import Refusal
from sandbox.tailscale.state import DEFAULT_POLICY, State

NEVER_EDITED = "ts-default"


def etag(text: str) -> str:
    """64 hex digits, without quotes."""
    return hashlib.sha256(text.encode()).hexdigest()


def replace(state: State, text: str) -> None:
    """Judge and store. An empty text brings the default policy back. Raises Refusal."""
    if text.strip() in ("", '""'):
        text = DEFAULT_POLICY
    judge.judge(text, state.tailnet())
    state.data["policy"] = text


async def get(request: Request, state: State, _caller: Actor) -> Response:
    text = state.data["policy"]
    headers = {"ETag": f'"{etag(text)}"'}
    if request.query_params.get("details") in ("1", "true"):
        content = {"acl": base64.b64encode(text.encode()).decode(), "warnings": [], "errors": None}
        return JSONResponse(content, headers=headers)
    return _as_asked(request, text, headers)


async def save(request: Request, state: State, caller: Actor) -> Response:
    _check_match(request, state)
    try:
        replace(state, await _text(request))
    except Refusal as refusal:
        raise ApiError(refusal.status, refusal.message, data=refusal.data) from refusal
    text = state.data["policy"]
    state.record("UPDATE", "ACL", "policy", caller.id)
    return _as_asked(request, text, {"ETag": f'"{etag(text)}"'})


async def validate(request: Request, state: State, _caller: Actor) -> Response:
    """200 either way. A JSON array is run as tests against the live policy; an object is judged as a whole."""
    text = await _text(request)
    try:
        if text.lstrip().startswith("["):
            judge.run_tests(state.data["policy"], hujson.loads(text), state.tailnet())
        else:
            judge.judge(text, state.tailnet())
    except Refusal as refusal:
        return JSONResponse(refusal.body())
    except hujson.HujsonError as error:
        return JSONResponse({"message": str(error)})
    return JSONResponse({})


def _check_match(request: Request, state: State) -> None:
    wanted = request.headers.get("if-match")
    if wanted is None:
        return
    current = [f'"{etag(state.data["policy"])}"']
    if state.data["policy"] == DEFAULT_POLICY:
        current.append(f'"{NEVER_EDITED}"')
    if wanted.strip() not in current:
        raise ApiError(412, "precondition failed, invalid old hash")


async def _text(request: Request) -> str:
    try:
        return (await request.body()).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ApiError(400, f"the policy is not UTF-8: {error.reason}") from error


def _as_asked(request: Request, text: str, headers: dict[str, str]) -> Response:
    if request.headers.get("accept", "").startswith("application/json"):
        content = json.dumps(judge.values(text), indent="\t", ensure_ascii=False)
        return Response(content, media_type="application/json", headers=headers)
    return Response(text, media_type="application/hujson", headers=headers)
