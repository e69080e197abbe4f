"""`python -m tests.egress_networks`: prints the tables of docs/egress.md; `--write` puts them there."""

from __future__ import annotations

import argparse

from tests.egress_networks.table import PAGE, tables, with_tables


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.egress_networks", description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"write them into docs/{PAGE.name}")
    made = tables()
    if parser.parse_args().write:
        PAGE.write_text(with_tables(PAGE.read_text(), made))
    else:
        print(made)


if __name__ == "__main__":
    main()
