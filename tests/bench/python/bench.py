"""Benchmarks: Syncline beside pycrdt and Loro on the same work in the same run.

Prints one JSON object per workload and library on stdout, and progress on stderr. The libraries take turns, so that a
machine that is busy for a while disturbs all of them alike; each figure is the median of the rounds.
"""

from __future__ import annotations

import argparse
import json
import sys

from libraries import LIBRARIES
from workloads import WORKLOADS, Sample

#: A sample longer than this, in seconds, is not repeated: the noise is small beside it.
LONG = 8


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Syncline beside pycrdt and Loro on the same work.")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is run; the median is printed (3)")
    parser.add_argument("--percent", type=int, default=100, help="share of the work, from 1 to 100 (100)")
    parser.add_argument("--only", action="append", choices=list(WORKLOADS), help="only this workload; repeatable")
    names = [library.name for library in LIBRARIES]
    parser.add_argument("--library", action="append", choices=names, help="only this library; repeatable")
    options = parser.parse_args()
    if options.rounds < 1 or not 1 <= options.percent <= 100:
        parser.error("--rounds is at least 1, --percent from 1 to 100")
    return options


def _print(workload: str, library: str, samples: list[Sample]) -> None:
    sample = sorted(samples, key=lambda sample: sample.cpu or 0)[len(samples) // 2]
    line: dict[str, str | float] = {"language": "python", "workload": workload, "library": library}
    # Some workloads have only a size.
    if sample.cpu is not None:
        line["cpu_s"] = round(sample.cpu, 6)
    if sample.bytes is not None:
        line["bytes"] = round(sample.bytes, 1)
    if sample.lost is not None:
        line["lost"] = sample.lost
    print(json.dumps(line, separators=(",", ":")), flush=True)


def main() -> None:
    options = _options()
    libraries = [library for library in LIBRARIES if not options.library or library.name in options.library]

    def count(full: int) -> int:
        return max(10, full * options.percent // 100)

    for name, workload in WORKLOADS.items():
        if options.only and name not in options.only:
            continue
        samples: list[list[Sample]] = [[] for _ in libraries]
        for turn in range(options.rounds):
            print(f"python {name} round {turn + 1}/{options.rounds}", file=sys.stderr)
            # Another one begins in each round.
            for place in range(len(libraries)):
                at = (place + turn) % len(libraries)
                if any((sample.cpu or 0) > LONG for sample in samples[at]):
                    continue
                try:
                    samples[at].append(workload(libraries[at], count))
                except RuntimeError as problem:
                    sys.exit(f"{name} in {libraries[at].name}: {problem}")
        for library, taken in zip(libraries, samples, strict=True):
            _print(name, library.name, taken)


if __name__ == "__main__":
    main()
