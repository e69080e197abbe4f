"""`supportctl handoff`: what a customer who installs alone is given."""
