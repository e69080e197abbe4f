"""The `tailnet` provider: slices of one shared Tailscale policy document, enrolment and clean-up of devices.

Pure modules (tags, hujson, ownership, slice) have no dependency beyond the standard library and may be used by
anybody. `resources` holds the typed SDK classes and imports Pulumi only: it is what a program loads at start-up.
"""
