"""Stand-ins for provider plugins that no package registry carries. One module per package; used where the real one
is missing.
"""
