"""`supportctl egress`: whether what the program says about the way out is still so."""
