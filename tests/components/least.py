"""The least that a stack of each kind has to say, as raw settings."""

from __future__ import annotations

from typing import Any

LEAST: dict[str, Any] = {
    "customer": "acme",
    "environment": "prod",
    "access": [{"from": "group:highflame-sre", "role": "read-only"}],
}
AWS = {
    "target": "aws-security-group",
    "region": "eu-central-1",
    "securityGroup": "sg-0123456789abcdef0",
    "derp": "any443",
}
TAILNET: dict[str, Any] = {"groups": {"group:highflame-sre": ["ada@example.com"]}}
