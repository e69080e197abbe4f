"""What others publish of the ends that the operator dials: hosts, ranges, ports, relays; each with its date and source.

Data and pure questions about it, below settings and egress, which both ask. Imports nothing of this program.
"""
