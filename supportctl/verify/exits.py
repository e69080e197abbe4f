"""The exit codes that every question of `supportctl verify` ends with."""

from __future__ import annotations

HOLDS, FAILS, NOT_ASKED = 0, 1, 2
"""What is asked holds; it does not, and what is printed says where; it could not be asked, or was asked wrongly."""
