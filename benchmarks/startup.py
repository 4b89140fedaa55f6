"""From the start of the process to the first 200, beside plain uvicorn. ./dev bench
startup

The app of 50 modules and 250 routes, its model's second of loading left out (it would
hide the difference). The servers are started alternately; the first start of each fills
the caches and is not counted.
"""

from __future__ import annotations

import argparse
import platform
import tempfile
from pathlib import Path

from benchmarks import apps
from benchmarks.servers import HMR_SERVE, PLAIN_UVICORN, Running, Server, print_commands
from benchmarks.tables import median, milliseconds, percentile, table

GOAL = 1.10


def main() -> None:
    options = parse_arguments()
    servers = [HMR_SERVE, PLAIN_UVICORN]
    times: dict[str, list[float]] = {server.name: [] for server in servers}
    print(f"Python {platform.python_version()}, 50 modules, 250 routes")
    with tempfile.TemporaryDirectory(prefix="bench-startup-") as folder:
        app = apps.large(Path(folder) / "app")
        for number in range(options.starts + 1):
            # Whoever starts second could gain from the page cache: swap each time.
            for server in servers if number % 2 else servers[::-1]:
                time = start_once(server, app.folder, options.path, show=number == 0)
                if number:
                    times[server.name].append(time)
    report(times, options)


def start_once(server: Server, folder: Path, path: str, show: bool) -> float:
    running = Running(server, folder, MODEL_SECONDS="0")
    if show:
        print_commands([running])
    try:
        return running.wait_ready(path)
    finally:
        running.stop()


def report(times: dict[str, list[float]], options: argparse.Namespace) -> None:
    base = median(times[PLAIN_UVICORN.name])
    rows = [
        [
            name,
            milliseconds(median(values)),
            milliseconds(min(values)),
            milliseconds(percentile(values, 95)),
            f"{median(values) / base:.3f}",
        ]
        for name, values in times.items()
    ]
    print(
        f"\nstart -> first 200 of {options.path}, ms,"
        f" {options.starts} alternating starts"
    )
    print(table(["", "median", "least", "p95", "ratio"], rows))
    print(f"goal: hmr-serve's ratio <= {GOAL:.2f}")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench startup")
    parser.add_argument("--starts", type=int, default=10, help="of each server")
    parser.add_argument("--path", default="/entry", help="the first request")
    return parser.parse_args()


if __name__ == "__main__":
    main()
