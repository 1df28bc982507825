"""All benchmarks, one after the other: `make bench`. Figures are medians, and ratios are taken within one run."""

import sys

from bench import embedded, engine, imports, lists, profiles, reports, requests


def main() -> None:
    """Run them."""
    for each in (engine, profiles, reports, requests, lists, imports, embedded):
        each.main()
        sys.stdout.flush()


if __name__ == "__main__":
    main()
