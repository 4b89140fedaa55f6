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
    times: dict[str, list[tuple[float, float]]] = {
        server.name: [] for server in servers
    }
    print(f"Python {platform.python_version()}, 50 modules, 250 routes")
    with tempfile.TemporaryDirectory(prefix="bench-startup-") as folder:
        app = apps.large(Path(folder) / "app")
        for number in range(options.starts + 1):
            # Whoever starts second could gain from the page cache: swap each time.
            for server in servers if number % 2 else servers[::-1]:
                taken = start_once(server, app.folder, options.path, show=number == 0)
                if number:
                    times[server.name].append(taken)
    report(times, options)


def start_once(
    server: Server, folder: Path, path: str, show: bool
) -> tuple[float, float]:
    """Seconds to the first 200, and the seconds of CPU that went into it."""
    running = Running(server, folder, MODEL_SECONDS="0")
    if show:
        print_commands([running])
    try:
        return running.wait_ready(path), running.cpu_seconds()
    finally:
        running.stop()


def report(
    times: dict[str, list[tuple[float, float]]], options: argparse.Namespace
) -> None:
    rows = []
    base, base_cpu = map(median, zip(*times[PLAIN_UVICORN.name], strict=True))
    for name, values in times.items():
        wall, cpu = zip(*values, strict=True)
        rows.append(
            [
                name,
                milliseconds(median(wall)),
                milliseconds(min(wall)),
                milliseconds(percentile(wall, 95)),
                f"{median(wall) / base:.3f}",
                milliseconds(median(cpu)),
                f"{median(cpu) / base_cpu:.3f}",
            ]
        )
    print(
        f"\nstart -> first 200 of {options.path}, ms,"
        f" {options.starts} alternating starts"
    )
    print(table(["", "median", "least", "p95", "ratio", "CPU", "ratio"], rows))
    print(f"goal: hmr-serve's first ratio <= {GOAL:.2f}")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench startup")
    parser.add_argument("--starts", type=int, default=10, help="of each server")
    parser.add_argument("--path", default="/entry", help="the first request")
    return parser.parse_args()


if __name__ == "__main__":
    main()
