"""The work of bench/data.ts in pandas: reads the csv that is named, and prints the milliseconds of each piece."""

import json
import random
import sys
import time

import pandas


def timed(work, times):
    """The median of several runs; what the last one gave."""
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        result = work()
        taken.append((time.perf_counter() - started) * 1000)
    return sorted(taken)[len(taken) // 2], result


def main():
    """Prints one JSON object."""
    path = sys.argv[1]
    load, frame = timed(lambda: pandas.read_csv(path, index_col="id"), 3)
    labels = random.Random(1).sample(range(len(frame)), 1000)
    results = {"create": load}

    def values():
        for label in labels:
            frame.at[label, "amount"]

    results["get_value"] = timed(values, 3)[0] / len(labels)
    results["get_slice"] = timed(lambda: frame.iloc[5000:5100].to_dict("records"), 20)[0]
    results["filter"] = timed(lambda: frame[frame["amount"] > 9900].to_dict("records"), 5)[0]
    results["sort"] = timed(lambda: frame.sort_values("amount", kind="stable"), 5)[0]
    results["get_stats"] = timed(lambda: (frame["amount"].describe(), frame["amount"].nunique()), 5)[0]
    print(json.dumps({"version": pandas.__version__, "ms": results}))


if __name__ == "__main__":
    main()
