"""`supportctl verify`: asks the world itself whether what a stack claims is so."""
