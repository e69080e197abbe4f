"""The embedded world: what the program works on, on loopback, so that it runs unchanged on one machine."""
