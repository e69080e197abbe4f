"""Pulumi provider plugins that this repository brings. They know nothing of the components that use them."""
