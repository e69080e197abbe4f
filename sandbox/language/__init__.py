"""A Python language host for the Pulumi engine, for machines that have the engine but not the official
`pulumi-language-python`.
"""
