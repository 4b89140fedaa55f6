"""Watching where no events come, and what does not wake the I/O thread."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from hmr_serve import _asgi

from .harness import until
from .test_fence import (
    REQUEST,
    save,
    save_by_removal,
    save_by_rename,
    save_like_vim,
    watching,
)


@pytest.mark.parametrize("how", [save, save_by_rename, save_like_vim, save_by_removal])
def test_a_request_after_a_save_is_never_answered_before_it(
    tmp_path: Path, loop: str, how: Any
) -> None:
    with (
        watching(tmp_path, loop, poll=True) as watched,
        watched.served.connect() as client,
    ):
        watched.watch([watched.main])
        for i in range(30):
            how(watched.main, f"version {i}")
            client.send(REQUEST)
            assert client.response().body.decode() == f"version {i}"
        assert watched.fenced() > 0


def test_a_save_is_seen_without_any_request(tmp_path: Path) -> None:
    with watching(tmp_path, poll=True) as watched:
        watched.watch([watched.main])
        watched.main.write_text("second")
        watched.saw("main.py")


def test_files_that_come_and_go_are_seen(tmp_path: Path) -> None:
    new = tmp_path / "sub" / "new.py"
    with watching(tmp_path, poll=True) as watched:
        watched.watch([watched.main, new])
        new.parent.mkdir()
        new.write_text("1")
        watched.saw("sub/new.py")
        watched.changes.clear()
        new.unlink()
        watched.saw("sub/new.py")
        watched.changes.clear()
        watched.main.unlink()
        watched.saw("main.py")


def test_an_entry_of_a_listed_folder_is_seen(tmp_path: Path) -> None:
    listed = tmp_path / "plugins"
    listed.mkdir()
    with watching(tmp_path, poll=True) as watched:
        watched.watch([], [listed])
        (listed / "one.py").write_text("")
        watched.saw("plugins")


def test_a_folder_that_was_not_listed_may_fill(tmp_path: Path) -> None:
    """It was only asked whether it is there."""
    folder = tmp_path / "data"
    folder.mkdir()
    with watching(tmp_path, poll=True) as watched:
        watched.watch([folder])
        (folder / "one.txt").write_text("")
        watched.quiet()
        (folder / "one.txt").unlink()
        folder.rmdir()
        watched.saw("data")


def test_a_change_between_two_calls_of_watch_is_seen(tmp_path: Path) -> None:
    other = tmp_path / "other.py"
    with watching(tmp_path, poll=True) as watched:
        watched.watch([watched.main])
        other.write_text("late")
        watched.watch_only([watched.main, other])
        watched.saw("other.py")


def test_the_same_size_and_the_same_time_do_not_hide_a_change(tmp_path: Path) -> None:
    with watching(tmp_path, poll=True) as watched:
        before = os.stat(watched.main)
        watched.watch([watched.main])
        watched.main.write_text("FIRST")
        os.utime(watched.main, ns=(before.st_atime_ns, before.st_mtime_ns))
        watched.saw("main.py")


def test_what_is_only_touched_by_reading_is_no_change(tmp_path: Path) -> None:
    with watching(tmp_path, poll=True) as watched:
        watched.watch([watched.main])
        watched.main.read_text()
        watched.quiet()


def test_file_systems_of_this_machine_tell_of_changes(tmp_path: Path) -> None:
    assert _asgi.filesystem_without_events(str(tmp_path)) is None
    assert _asgi.filesystem_without_events(str(tmp_path / "not" / "there")) is None


@pytest.mark.parametrize("poll", [True, False])
def test_a_log_in_a_watched_folder_wakes_nobody(tmp_path: Path, poll: bool) -> None:
    with (
        watching(tmp_path, poll=poll) as watched,
        (tmp_path / "app.log").open("w") as log,
    ):
        watched.watch([watched.main])

        def woken() -> int:
            return watched.served.server.stats()["wakeups"]

        until(lambda: woken() == (time.sleep(0.1), woken())[1])
        before = woken()
        for i in range(1000):
            log.write(f"{i}\n")
            log.flush()
        assert woken() - before <= 5  # a timer may fire, or a sweep
        watched.quiet()
        watched.main.write_text("second")
        watched.saw("main.py")


@pytest.mark.parametrize("how", [save_by_rename, save_by_removal, save_like_vim])
def test_the_first_byte_of_a_write_to_a_file_that_was_replaced_raises_the_fence(
    tmp_path: Path, how: Any
) -> None:
    with watching(tmp_path) as watched, watched.served.connect() as client:
        watched.watch([watched.main])
        how(watched.main, "second")
        watched.saw("main.py")
        watched.changes.clear()
        fenced = watched.fenced()
        with watched.main.open("w") as file:
            file.write("half")
            file.flush()
            client.send(REQUEST)
            until(lambda: watched.fenced() > fenced)
            assert watched.changes == []
            file.write(" and whole")
        assert client.response().body == b"half and whole"


def test_a_file_with_two_names_holds_nobody_up(tmp_path: Path) -> None:
    """The end of a write shows at the name that was written to."""
    other = tmp_path / "other.py"
    with watching(tmp_path) as watched, watched.served.connect() as client:
        os.link(watched.main, other)
        watched.watch([watched.main, other])
        for i in range(20):
            began = time.monotonic()
            other.write_text(f"version {i}")
            client.send(REQUEST)
            client.response()
            if time.monotonic() - began < 0.9:  # else it was the machine
                break
        else:
            raise AssertionError("each write was waited for a second")


def test_polling_and_saving_at_once(tmp_path: Path) -> None:
    """Many files, several savers, requests all the time: the last state is seen."""
    files = [tmp_path / f"module{i}.py" for i in range(40)]
    for file in files:
        file.write_text("0")
    with watching(tmp_path, poll=True) as watched:
        watched.watch([watched.main, *files])
        seen: set[str] = set()

        def saver(number: int) -> None:
            for file in files[number::4]:
                file.write_text(f"1 by {number}")

        threads = [threading.Thread(target=saver, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        with watched.served.connect() as client:
            while any(thread.is_alive() for thread in threads):
                client.get()
            client.get()
        seen = watched.paths()
        assert {file.name for file in files} <= seen
