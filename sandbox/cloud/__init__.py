"""Stand-in for the parts of the clouds that nothing else emulates offline."""
