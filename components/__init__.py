"""Pulumi components of Support Access: what one stack declares, from settings to resources."""

PACKAGE = "support-access"
"""First part of every component's type token `support-access:<folder>:<Class>`. Tokens are for ever: a renamed
class keeps its old token or carries an alias, because the old URN's delete would cut a live environment."""
