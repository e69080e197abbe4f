"""Secrets of other services that the stack passes on, read from the environment where the program runs.

Owns what happens when a variable is not set: the resource keeps what it has, and a warning says so. Whoever takes an
engineer out of a group in a hurry need not hold the log collector's token. Never shows a value.
"""

from __future__ import annotations

import os

import pulumi


def given(variable: str, keeper: str) -> pulumi.Output[str] | None:
    """The variable's value, marked secret; None when it is not set. keeper: what then keeps the secret it has."""
    value = os.environ.get(variable)
    if value:
        return pulumi.Output.secret(value)
    pulumi.log.warn(
        f"The environment variable {variable} is not set: {keeper} keeps what it has. To make it anew or to change it,"
        " set the variable and run again."
    )
    return None
