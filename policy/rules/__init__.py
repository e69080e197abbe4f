"""Rules on one resource each: `(seen, limits)` to what is wrong with it, in words; nothing when all is well."""
