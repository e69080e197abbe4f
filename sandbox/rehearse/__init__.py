"""The kill switch, rehearsed: every fault of a bad day against every way to cut access, timed and proved."""
