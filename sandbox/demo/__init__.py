"""The main job, end to end, as `make demo` runs it: two environments come up, are checked, and one is cut off."""
