"""What a report takes, log entry included, as there are more profiles that do not apply to its thing.

Rounds of the cases alternate, so that the ratios hold on a machine whose speed drifts.
"""

from statistics import median

from bench.engine import FIXTURES, LIMITS, catalogue, microseconds, next_entry

OTHERS = (0, 10, 100, 500)
ROUNDS = 30


def main() -> None:
    """Print the time for each number of other profiles, as a ratio to none."""
    payload = (FIXTURES / "report_long.json").read_bytes()
    cases = [next_entry(catalogue(others=others)) for others in OTHERS]
    rounds = [[microseconds(case, payload) for case in cases] for _ in range(ROUNDS)]
    alone = median(each[0] for each in rounds)
    print(f"a report with {len(LIMITS)} behaviors that apply: {alone:.1f} µs, times")
    for position, others in enumerate(OTHERS[1:], 1):
        ratio = median(each[position] / each[0] for each in rounds)
        print(f"  {ratio:.2f} where {others * len(LIMITS):,} behaviors of {others} other profiles exist")


if __name__ == "__main__":
    main()
