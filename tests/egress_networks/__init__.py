"""A customer's default-deny network, one filter of each kind, fed with the very rules that the components register.

Owns the question which of the operator's connections pass, and which others do. A filter understands what the targets
write and raises ValueError for anything else: a rule that nobody here can read is not one that passes. What clouds do
is played from their documents as facts name them; no cloud was asked. `python -m tests.egress_networks` prints the
table of docs/egress.md, `--write` puts it there.
"""
