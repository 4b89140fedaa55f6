"""How files are saved: in storms, by a checkout, by editors (demands R15 to R17)."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from . import apps
from .conftest import Serve
from .harness import Server


def test_two_hundred_saves_in_a_storm_end_on_the_last(plain: Server) -> None:
    """R15: at random 1 to 50 ms intervals, while a client asks."""
    seen: list[int] = []
    done = threading.Event()

    def ask() -> None:
        client = plain.client()
        while not done.is_set():
            answer = client.get()
            assert answer.status == 200
            seen.append(int(answer.text.split()[1]))
        client.close()

    asker = threading.Thread(target=ask)
    asker.start()
    interval = random.Random(15)
    try:
        for number in range(1, 201):
            save = plain.write if number % 3 else plain.replace
            save("limits.py", f"LIMIT = {number}\n")
            time.sleep(interval.uniform(0.001, 0.05))
        assert plain.get().text == "hello 200"
    finally:
        done.set()
        asker.join()
    assert seen == sorted(seen)
    assert "Traceback" not in plain.log


def git(folder: Path, *arguments: str) -> None:
    line = ["git", "-c", "user.name=x", "-c", "user.email=x@y", *arguments]
    subprocess.run(line, cwd=folder, check=True, capture_output=True)


@pytest.mark.skipif(not shutil.which("git"), reason="this machine has no git")
def test_a_checkout_of_five_hundred_files_is_one_update(serve: Serve) -> None:
    """R16: the tree is seen whole, and what did not change reruns nothing."""
    names = [f"part{number}" for number in range(500)]
    files = {f"parts/{name}.py": "VALUE = 1\n" for name in names}
    files["parts/__init__.py"] = ""
    files["words.py"] = "\n".join(f"from parts import {name}" for name in names)
    total = " + ".join(f"{name}.VALUE" for name in names)
    files["words.py"] += f"\n\n\ndef greet():\n    return {total}\n"
    server = serve({**apps.PLAIN, **files})
    assert server.get().text == "500 1"
    git(server.folder, "init", "-q")
    git(server.folder, "add", "-A")
    git(server.folder, "commit", "-qm", "one")
    git(server.folder, "checkout", "-qb", "two")
    for name in names:
        server.write(f"parts/{name}.py", "VALUE = 2\n")
    server.write("limits.py", "LIMIT = 2\n")
    assert server.get().text == "1000 2"
    git(server.folder, "commit", "-qam", "two")
    git(server.folder, "checkout", "-q", "-")
    assert server.get().text == "500 1"
    before = server.log.count("reloaded  ")
    for number in range(6):
        git(server.folder, "checkout", "-q", "-")
        assert server.get().text == ("500 1" if number % 2 else "1000 2")
    # Where git gets no processor for 25 ms, the rest is another update.
    lines = server.log.count("reloaded  ") - before
    assert lines <= 12, server.log


def truncate_and_write(path: Path, text: str) -> None:
    """VS Code, nano, `>`."""
    with path.open("w") as file:
        file.flush()
        file.write(text)


def write_in_two(path: Path, text: str) -> None:
    """A slow writer: the first half alone is a syntax error."""
    with path.open("w") as file:
        file.write(text[: len(text) // 2])
        file.flush()
        file.write(text[len(text) // 2 :])


def rename_over(path: Path, text: str) -> None:
    """PyCharm's safe write, black, ruff, sed -i."""
    beside = path.with_name(path.name + "___jb_tmp___")
    beside.write_text(text)
    os.replace(beside, path)


def rename_away_and_write(path: Path, text: str) -> None:
    """vim with backupcopy=no: the old file becomes the backup, which then goes."""
    backup = path.with_name(path.name + "~")
    os.rename(path, backup)
    path.write_text(text)
    backup.unlink()


def backup_and_overwrite(path: Path, text: str) -> None:
    """vim with backupcopy=yes, emacs with backup-by-copying."""
    backup = path.with_name(path.name + "~")
    shutil.copy2(path, backup)
    path.write_text(text)


def jetbrains(path: Path, text: str) -> None:
    """PyCharm of old: write, the original away, rename, the original gone."""
    new, old = (path.with_name(path.name + end) for end in ("_tmp", "_old"))
    new.write_text(text)
    os.rename(path, old)
    os.rename(new, path)
    old.unlink()


def remove_and_write(path: Path, text: str) -> None:
    path.unlink()
    path.write_text(text)


def move_from_elsewhere(path: Path, text: str) -> None:
    """mv from another folder, as rsync and Docker sync do."""
    elsewhere = path.parent.parent / "elsewhere.py"
    elsewhere.write_text(text)
    os.replace(elsewhere, path)


def memory_map(path: Path, text: str) -> None:
    """Neither a write nor a rename: mmap, and a close."""
    import mmap

    data = text.encode()
    with path.open("r+b") as file:
        file.truncate(len(data))
        with mmap.mmap(file.fileno(), len(data)) as mapped:
            mapped[:] = data


EDITORS = [
    truncate_and_write,
    write_in_two,
    rename_over,
    rename_away_and_write,
    backup_and_overwrite,
    jetbrains,
    remove_and_write,
    move_from_elsewhere,
    memory_map,
]


@pytest.mark.parametrize("save", EDITORS, ids=lambda save: save.__name__)
def test_each_way_of_saving_is_one_right_update(
    plain: Server, save: Callable[[Path, str], None]
) -> None:
    """R17."""
    path = plain.folder / "words.py"
    for number, word in enumerate(["salut", "ciao", "hej", "moin"]):
        old = plain.read("words.py")
        save(path, old.replace('return "', f'return "{word} '))
        assert plain.get().text.startswith(word)
        plain.reloads(number + 1)
    assert [line.what for line in plain.reloads(4)] == ["patched greet"] * 4
    assert plain.journal == ["main"]


@pytest.mark.parametrize("save", EDITORS, ids=lambda save: save.__name__)
def test_each_way_of_saving_the_same_or_a_comment_reruns_nothing(
    plain: Server, save: Callable[[Path, str], None]
) -> None:
    path = plain.folder / "words.py"
    text = plain.read("words.py")
    save(path, text)
    assert plain.get().text == "hello 1"
    save(path, "# a comment\n" + text)
    assert plain.get().text == "hello 1"
    plain.edit("words.py", "hello", "salut")
    assert plain.get().text == "salut 1"
    lines = plain.log.rpartition("reloaded  ")[0]
    assert "reran" not in lines.replace("nothing reran", "")
    assert "patched" not in lines
    assert plain.journal == ["main"]


@pytest.mark.parametrize("clock", ["goes on", "stands still"])
def test_a_file_that_is_written_while_it_is_applied_is_no_mistake(
    plain: Server, clock: str
) -> None:
    """What was read half written fails, and is read again before anybody is told; also
    where the file system's clock has not ticked in between."""
    good = (
        "import os; old = os.stat('limits.py'); "
        "open('limits.py', 'w').write('LIMIT = 3'.ljust(old.st_size)); "
    )
    if clock == "stands still":
        good += "os.utime('limits.py', ns=(old.st_atime_ns, old.st_mtime_ns))"
    line = f'subprocess.run([sys.executable, "-c", "{good}"])'
    plain.write(
        "limits.py", f"import subprocess, sys\n{line}\nraise ValueError('half')"
    )
    assert plain.get().text == "hello 3"
    plain.edit("words.py", "hello", "salut")
    assert plain.get().text == "salut 3"
    assert "half" not in plain.log


def test_a_writer_that_pauses_after_emptying_a_file_is_no_mistake(
    plain: Server,
) -> None:
    """It gets no processor for a while, as an update reads the file."""
    plain.write(
        "limits.py",
        "import journal, os, time\njournal.note('applying')\n"
        "while os.path.getsize('limits.py'):\n    time.sleep(0.001)\n"
        "raise ValueError('half')\n",
    )
    plain.until_noted("applying")
    with (plain.folder / "limits.py").open("w") as file:
        time.sleep(0.2)
        file.write("LIMIT = 3\n")
    assert plain.get().text == "hello 3"
    assert "Traceback" not in plain.log
