"""All benchmarks, one after the other: `make bench`. Figures are medians, and ratios are taken within one run."""

import sys

from bench import devices, embedded, engine, imports, lists, neighbours, profiles, reports, requests


def main() -> None:
    """Run them."""
    for each in (engine, profiles, reports, requests, lists, imports, embedded, neighbours, devices):
        each.main()
        sys.stdout.flush()


if __name__ == "__main__":
    main()
