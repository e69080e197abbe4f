"""What others publish of the ends that the operator dials: hosts, ranges, ports, relays; each with its date and source.

Data only, below settings and egress, which both read it. Imports nothing of this program.
"""
