"""The command line: what a person runs beside `pulumi`, on good days and on the worst one."""
