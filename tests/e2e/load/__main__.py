"""./dev load: load while editing, for a minute."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from .. import apps
from ..harness import Server
from .check import check_server
from .drive import Load, drive, drive_restarts, report
from .program import Program


def main() -> None:
    options = parse_arguments()
    with tempfile.TemporaryDirectory(prefix="hmr-load-") as folder:
        server = Server(Path(folder).resolve() / "app")
        server.folder.mkdir()
        restarts = vars(options).pop("restarts")
        program = Program(server.folder, bool(restarts))
        for name, text in program.files().items():
            server.write(name, text)
        load = Load(**vars(options))
        try:
            server.start("--no-access-log", env=apps.SHARED_ENV)
            if restarts:
                record = drive_restarts(server, program, load, restarts)
            else:
                record = drive(server, program, load)
            report(record, load, restarts)
            trouble = check_server(server, restarts)
        finally:
            server.kill()
            if server.log_path.exists():
                Path("build/load.log").write_text(server.log)
    print(*trouble, sep="\n")
    sys.exit(not record.good or bool(trouble))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev load", description=__doc__)
    usual = Load()
    parser.add_argument("--seconds", type=float, default=usual.seconds)
    parser.add_argument("--clients", type=int, default=usual.clients)
    parser.add_argument("--sockets", type=int, default=usual.sockets)
    parser.add_argument("--streams", type=int, default=usual.streams)
    parser.add_argument("--every", type=float, default=usual.every, help="seconds")
    parser.add_argument("--pause", type=float, default=usual.pause, help="seconds")
    parser.add_argument(
        "--restarts",
        type=int,
        metavar="N",
        help="so many saves that need a new process instead",
    )
    return parser.parse_args()


main()
