"""The policy pack: what no stack may do. Judges what reaches the engine and knows nothing of the program.

Each rule is a plain function in rules/, tested without an engine; `__main__.py` hands them to Pulumi.
"""
