"""The benchmarks' own parts: what they generate and how they judge is right."""

from __future__ import annotations

import http.server
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks import apps, bodies, client, drive, tables, throughput, wrk

COUNT_ROUTES = """
import sys

sys.path.insert(0, ".")
from main import app

files = [str(getattr(module, "__file__", "")) for module in sys.modules.values()]
local = [file for file in files if file.startswith(sys.argv[1])]
print(sum(map(len, app.openapi()["paths"].values())), len(local))
"""


@contextmanager
def serving(answer: Callable[[str], tuple[int, bytes]]) -> Iterator[int]:
    """A keep-alive HTTP server in threads; `answer` maps a path to status and body."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, body = answer(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.01}
    )
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def shown(version: int) -> tuple[int, bytes]:
    return 200, json.dumps({"version": version}).encode()


@pytest.mark.parametrize(
    ("make", "files", "routes"), [(apps.small, 5, 7), (apps.large, 50, 250)]
)
def test_the_generated_apps_import_under_plain_python(
    tmp_path: Path, make: Callable[[Path], apps.App], files: int, routes: int
) -> None:
    app = make(tmp_path / "app")
    assert len(app.templates) == files
    output = subprocess.run(
        [sys.executable, "-c", COUNT_ROUTES, str(app.folder)],
        cwd=app.folder,
        env={"MODEL_SECONDS": "0"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    counted, modules = map(int, output.split())
    assert counted == routes
    assert modules == files


def test_each_edit_changes_its_file_only_and_shows_in_it(tmp_path: Path) -> None:
    app = apps.small(tmp_path / "app")
    for edit in app.edits:
        before = {name: (app.folder / name).read_text() for name in app.templates}
        began = time.perf_counter()
        assert began < app.save(edit) <= time.perf_counter()
        after = {name: (app.folder / name).read_text() for name in app.templates}
        assert [name for name in before if before[name] != after[name]] == [edit.file]
        compile(after[edit.file], edit.file, "exec")
        assert app.versions[edit.mark] == 1


def test_a_route_that_moves_is_requested_at_its_new_path(tmp_path: Path) -> None:
    app = apps.small(tmp_path / "app")
    edit = next(edit for edit in app.edits if edit.name == "entry: route")
    assert app.request(edit) == "/added/0"
    app.save(edit)
    assert app.request(edit) == "/added/1"


def test_only_requests_that_started_after_a_save_can_be_stale() -> None:
    saves = [client.Save(9.9, 10.0, 1), client.Save(19.9, 20.0, 2)]
    answers = [
        client.Seen(9.0, 9.1, 0),  # before any save
        client.Seen(10.5, 10.6, 1),
        client.Seen(10.5, 10.6, 0),  # stale
        client.Seen(20.5, 20.6, 2),
        client.Seen(20.5, 20.6, 1),  # stale
        client.Seen(20.5, 20.6, client.GONE),  # stale: the route is not there yet
        client.Seen(19.5, 20.1, 1),  # was under way
        client.Seen(20.5, 20.6, None),  # failed, which is another matter
        client.Seen(20.5, 20.6, 3),  # a later save, already seen
    ]
    assert client.count_stale(answers, saves) == 3
    journal = client.Journal(answers, saves, 2)
    assert (journal.stale(), journal.failed()) == (3, 3)


def test_a_route_that_the_next_save_takes_away_is_not_stale() -> None:
    saves = [client.Save(9.9, 10.0, 1), client.Save(19.8, 20.0, 2)]
    answers = [
        client.Seen(10.5, 10.6, client.GONE),  # stale: long before the next save
        client.Seen(19.7, 19.9, client.GONE),  # gone, as the next save wants it
        client.Seen(19.7, 19.9, 0),  # stale all the same
    ]
    assert client.count_stale(answers, saves) == 2


def test_a_hammer_finds_the_stale_answer_that_was_planted() -> None:
    current = [0]
    planted = threading.Event()

    def answer(path: str) -> tuple[int, bytes]:
        if current[0] == 1 and not planted.is_set():
            planted.set()
            return shown(0)
        return shown(current[0])

    with serving(answer) as port:
        hammer = client.Hammer(port, lambda: "/")
        hammer.start()
        until(lambda: hammer.journal.answers)
        # The server is new before the save is noted, so only the planted answer can be
        # stale; it is held back until a request that started after the save is there to
        # take it.
        planted.set()
        current[0] = 1
        now = time.perf_counter()
        hammer.journal.saves.append(client.Save(now, now, 1))
        seen = len(hammer.journal.answers)
        until(lambda: len(hammer.journal.answers) > seen + 2)
        planted.clear()
        assert planted.wait(5)
        seen = len(hammer.journal.answers)
        until(lambda: len(hammer.journal.answers) > seen + 2)
        journal = hammer.end()
    assert journal.stale() == 1
    assert journal.failed() == 0


def test_a_probe_counts_stale_and_failed_answers_until_the_fresh_one() -> None:
    answers = iter([shown(0), (500, b"oops"), (404, b""), shown(1)])
    with serving(lambda path: next(answers)) as port:
        connection = client.Connection(port)
        seen = client.probe(connection, time.perf_counter(), "/", 1, deadline=5)
        connection.close()
    assert (seen.stale, seen.failed) == (2, 1)
    assert seen.fresh is not None and seen.first is None


def test_a_probe_gives_up_at_the_deadline() -> None:
    with serving(lambda path: shown(0)) as port:
        connection = client.Connection(port)
        seen = client.probe(connection, time.perf_counter(), "/", 1, deadline=0.05)
        connection.close()
    assert seen.fresh is None
    assert seen.stale > 0


def test_refused_connections_are_failures() -> None:
    with socket.socket() as taken:  # bound and not listening: nobody else gets the port
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        connection = client.Connection(port)
        seen = client.probe(connection, time.perf_counter(), "/", 1, deadline=0.05)
    assert seen.failed > 0


def until(condition: Callable[[], object], deadline: float = 5.0) -> None:
    end = time.perf_counter() + deadline
    while not condition():
        assert time.perf_counter() < end, "not in time"
        time.sleep(0.001)


WRK = """Running 3s test @ http://127.0.0.1:8000/
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.50ms  200.00us   9.00ms   90.00%
    Req/Sec    40.10k     1.00k   42.00k    80.00%
  120300 requests in 3.00s, 16.00MB read
"""


def test_what_wrk_prints_is_read() -> None:
    rate = "Requests/sec:  40100.25\nTransfer/sec:      5.33MB\n"
    assert wrk.parse(WRK + rate) == (40100.25, 0)
    errors = "  Socket errors: connect 1, read 2, write 3, timeout 4\n"
    refused = "  Non-2xx or 3xx responses: 50\n"
    assert wrk.parse(WRK + errors + refused + rate)[1] == 60
    with pytest.raises(ValueError, match="not the output of wrk"):
        wrk.parse("unable to connect to 127.0.0.1:8000 Connection refused")


def test_large_bodies_are_counted_and_wrong_lengths_fail() -> None:
    large = b"x" * 300_000
    with serving(lambda path: (200, large)) as port:
        right = [bodies.Bodies(port, bodies.DOWN, len(large)) for _ in range(3)]
        rate, failed = drive.load(right, 0.2)
        assert rate > 0 and failed == 0
        assert all(client.count > 1 for client in right)
        wrong = [bodies.Bodies(port, bodies.DOWN, len(large) - 1)]
        assert drive.load(wrong, 0.05) == (0.0, 1)


def test_a_goal_is_missed_by_less_than_it_says() -> None:
    contest = throughput.CONTESTS[0]
    found = {
        "hmr-serve, uvloop": [throughput.Load(rate, 0) for rate in (9.0, 30.0, 31.0)],
        "uvicorn (httptools)": [throughput.Load(12.0, 0)],
        "granian": [throughput.Load(20.0, 0)],
    }
    assert throughput.judge(contest, found) == [
        "goal: >= 2.5 x uvicorn: 2.50: reached",
        "goal: >= 1.5 x the best peer: 1.50: reached",
    ]
    found["granian"] = [throughput.Load(20.1, 0)]
    assert throughput.judge(contest, found)[1].endswith("1.49: MISSED")


def test_a_percentile_is_a_value_that_was_measured() -> None:
    values = [float(n) for n in range(1, 11)]
    assert tables.percentile(values, 95) == 10
    assert tables.percentile(values, 50) == 5
    assert tables.percentile([3.0], 95) == 3


def test_tables_align() -> None:
    text = tables.table(["", "ms"], [["a", 1.5], ["long name", 10]])
    assert text.splitlines() == [
        "            ms",
        "---------  ---",
        "a          1.5",
        "long name   10",
    ]
