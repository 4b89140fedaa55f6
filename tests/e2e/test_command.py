"""The command: every option of it, and one clear sentence for every bad input."""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import socket
import sys
from pathlib import Path

import pytest

from . import apps
from .conftest import Serve
from .harness import run_command

APP = apps.PLAIN


def sentence(*arguments: str, cwd: Path, code: int, **settings) -> str:
    """What a command that ends at once says: one line on stderr."""
    ended = run_command(*arguments, cwd=cwd, **settings)
    assert ended.returncode == code, ended
    assert ended.stdout == ""
    [line] = ended.stderr.splitlines()
    assert line.startswith("Error: ")
    return line.removeprefix("Error: ")


# -- options


def test_version_names_everything_that_matters(tmp_path: Path) -> None:
    ended = run_command("--version", cwd=tmp_path)
    assert ended.returncode == 0
    pattern = rf"hmr-serve [\d.]+, Python {re.escape(platform.python_version())}, "
    assert re.fullmatch(pattern + r"libuv [\d.]+, llhttp [\d.]+\n", ended.stdout)


def test_the_first_screen_of_help_fits_a_terminal(tmp_path: Path) -> None:
    ended = run_command("--help", cwd=tmp_path)
    assert ended.returncode == 0
    assert "main:app" in ended.stdout[:500]
    assert max(map(len, ended.stdout.splitlines())) <= 80


@pytest.mark.parametrize("app", ["main:app", "main", "main.py", "./main.py:app", None])
def test_app_is_a_name_or_a_path_or_found(serve: Serve, app: str | None) -> None:
    server = serve(APP, app=app)
    assert server.get().text == "hello 1"
    if app is None:
        assert "no APP given: using main.py" in server.log
    server.edit("words.py", "hello", "salut")
    assert server.get().text == "salut 1"


def test_a_path_into_a_package_imports_the_package(serve: Serve) -> None:
    files = {
        "shop/__init__.py": "",
        "shop/words.py": APP["words.py"],
        "shop/main.py": "from .words import greet\n\n\n"
        + APP["main.py"].partition("\n\n\n")[2].replace(" {LIMIT}", " {__name__}"),
    }
    server = serve(files, app="shop/main.py")
    assert server.get().text == "hello shop.main"


def test_application_is_found_when_there_is_no_app(serve: Serve) -> None:
    main = APP["main.py"].replace("def app(", "def application(")
    server = serve({**APP, "main.py": main}, app="main")
    assert server.get().text == "hello 1"


def test_factory(serve: Serve) -> None:
    main = APP["main.py"] + "\n\ndef create_app():\n    return app\n"
    server = serve({**APP, "main.py": main}, "--factory", app="main:create_app")
    assert server.get().text == "hello 1"
    server.edit("words.py", "hello", "salut")
    assert server.get().text == "salut 1"
    server.edit("limits.py", "1", "2")
    assert server.get().text == "salut 2"


def test_an_edited_factory_builds_a_new_application(serve: Serve) -> None:
    main = """
def create_app():
    text = b"one"

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": text})

    return app
"""
    server = serve({"main.py": main}, "--factory", app="main:create_app")
    assert server.get().text == "one"
    server.edit("main.py", "one", "two")
    assert server.get().text == "two"


def test_app_dir(serve: Serve, tmp_path: Path) -> None:
    server = serve(APP, "--app-dir", "app0", cwd=tmp_path)
    assert server.get().text == "hello 1"
    server.edit("words.py", "hello", "salut")
    assert server.get().text == "salut 1"


def test_app_dir_may_be_a_symbolic_link(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "app0")
    server = serve(APP, "--app-dir", str(tmp_path / "link"))
    server.edit("words.py", "hello", "salut")
    assert server.get().text == "salut 1"
    path = tmp_path / "link" / "words.py"
    path.write_text(path.read_text().replace("salut", "ciao"))
    assert server.get().text == "ciao 1"


def test_a_path_through_a_symbolic_link(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "app0")
    server = serve(APP, app="link/main.py", cwd=tmp_path)
    server.edit("words.py", "hello", "salut")
    assert server.get().text == "salut 1"


def test_reload_dir_limits_what_is_reloaded(serve: Serve) -> None:
    files = {**APP, "inner/more.py": "WORD = 'a'\n"}
    files["main.py"] = files["main.py"].replace(
        "import journal\n", "import journal\nfrom inner import more\n"
    )
    files["main.py"] = files["main.py"].replace("{LIMIT}", "{LIMIT} {more.WORD}")
    server = serve(files, "--reload-dir", "inner")
    assert server.get().text == "hello 1 a"
    server.edit("words.py", "hello", "salut")
    server.edit("inner/more.py", "'a'", "'b'")
    assert server.get().text == "hello 1 b"


def test_env_file(serve: Serve) -> None:
    files = {
        **APP,
        "limits.py": "import os\n\nLIMIT = os.environ['HMR_TEST_LIMIT']\n",
        "local.env": "HMR_TEST_LIMIT=3\n",
    }
    server = serve(files, "--env-file", "local.env")
    assert server.get().text == "hello 3"
    pid, port = server.process.pid, server.port
    server.write("local.env", "HMR_TEST_LIMIT=4\n")
    assert server.get().text == "hello 4"
    log = server.until_log("reloaded  local.env  reran ")
    assert "restarting" not in log
    assert (server.process.pid, server.port, server.journal) == (pid, port, ["main"])
    server.write("local.env", "HMR_TEST_LIMIT=5\nOTHER=1\n")
    assert server.get().text == "hello 5"
    server.write("local.env", "# empty\n")
    server.until_log("local.env not applied")
    assert "KeyError: 'HMR_TEST_LIMIT'" in server.log
    assert server.get().text == "hello 5"
    server.edit("limits.py", "os.environ['HMR_TEST_LIMIT']", "os.getenv('OTHER')")
    assert server.get().text == "hello None"
    server.write("local.env", "HMR_TEST_LIMIT=6\nOTHER=${HMR_TEST_LIMIT}0\n")
    assert server.get().text == "hello 60"
    assert server.stop() == 0


def test_env_file_and_what_is_set_already(serve: Serve) -> None:
    files = {
        **APP,
        "limits.py": "import os\n\nLIMIT = os.environ['HMR_A'], os.environ['HMR_B']\n",
        "local.env": "HMR_A=file\nHMR_B=${HMR_A}-file\n",
    }
    server = serve(files, "--env-file", "local.env", env={"HMR_A": "outer"})
    assert server.get().text == "hello ('outer', 'outer-file')"
    server.write("local.env", "HMR_A=other\nHMR_B='${HMR_A} ${HMR_C:-x}'\n")
    assert server.get().text == "hello ('outer', 'outer x')"


def test_env_file_beside_an_application_that_never_started(serve: Serve) -> None:
    files = {
        **APP,
        "limits.py": "import os\n\nLIMIT = int(os.environ['HMR_TEST_LIMIT'])\n",
        "local.env": "HMR_TEST_LIMIT=x\n",
    }
    server = serve(files, "--env-file", "local.env")
    assert server.get().status == 503
    server.write("local.env", "HMR_TEST_LIMIT=7\n")
    assert server.get().text == "hello 7"


def test_root_path(serve: Serve) -> None:
    main = APP["main.py"].replace("{greet()}", "{scope['root_path']}{scope['path']}")
    server = serve({**APP, "main.py": main}, "--root-path", "/api")
    assert "/api" in server.get("/x").text


def test_access_log(serve: Serve) -> None:
    server = serve(APP)
    server.get("/a?b=c")
    log = server.until_log('"GET /a?b=c HTTP/1.1" 200 OK')
    assert re.search(r'^INFO:     127\.0\.0\.1:\d+ - "GET /a\?b=c', log, re.MULTILINE)


def test_no_access_log(serve: Serve) -> None:
    server = serve(APP, "--no-access-log")
    server.get("/a")
    assert server.stop() == 0
    assert "GET /a" not in server.log


def test_log_level(serve: Serve, make_server) -> None:
    server = make_server(APP)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    server.start("--port", str(port), "--log-level", "error", wait=False)
    server.port = port
    server.until_noted("main")
    assert server.stop() == 0
    assert server.log == ""


def test_use_colors(serve: Serve) -> None:
    server = serve(APP, "--use-colors")
    server.get()
    server.until_log("GET / HTTP/1.1")
    assert "\033[32mINFO:\033[0m" in server.log
    assert "\033[32m200 OK\033[0m" in server.log


def test_no_colors_into_a_file(serve: Serve) -> None:
    server = serve(APP)
    server.get()
    server.until_log("GET / HTTP/1.1")
    assert "\033" not in server.log


def test_headers(serve: Serve) -> None:
    headers = {name.lower() for name in serve(APP).get().headers}
    assert {"server", "date"} <= headers
    silent = serve(APP, "--no-server-header", "--no-date-header")
    headers = {name.lower() for name in silent.get().headers}
    assert not {"server", "date"} & headers


@pytest.mark.parametrize("prefix", ["HMR_SERVE", "UVICORN"])
def test_options_come_from_environment_variables(serve: Serve, prefix: str) -> None:
    env = {f"{prefix}_ACCESS_LOG": "false", f"{prefix}_ROOT_PATH": "/api"}
    main = APP["main.py"].replace("{greet()}", "{scope['root_path']}")
    server = serve({**APP, "main.py": main}, env=env)
    assert server.get("/x").text == "/api 1"
    assert server.stop() == 0
    assert "GET" not in server.log


@pytest.mark.parametrize("loop", ["asyncio", "uvloop", "auto"])
def test_loop(serve: Serve, tmp_path: Path, loop: str) -> None:
    have_uvloop = importlib.util.find_spec("uvloop") is not None
    main = APP["main.py"].replace(
        "{greet()}", "{type(__import__('asyncio').get_running_loop()).__module__}"
    )
    if loop == "uvloop" and not have_uvloop:
        said = sentence("main:app", "--loop", loop, cwd=tmp_path, code=2)
        assert "pip install uvloop" in said
        return
    server = serve({**APP, "main.py": main}, "--loop", loop)
    uses_uvloop = loop == "uvloop" or (loop == "auto" and have_uvloop)
    assert server.get().text.startswith("uvloop" if uses_uvloop else "asyncio")
    server.edit("limits.py", "1", "2")
    assert server.get().text.endswith(" 2")
    assert server.stop() == 0


def test_ipv6(serve: Serve) -> None:
    server = serve(APP, "--host", "::1")
    assert "running on http://[::1]:" in server.log
    with socket.create_connection(("::1", server.port)) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert connection.makefile("rb").read().count(b"hello 1") == 1


def test_the_console_script_is_installed(serve: Serve) -> None:
    script = Path(sys.executable).with_name("hmr-serve")
    server = serve(APP, command=[str(script)])
    assert server.get().text == "hello 1"


# -- hmr_serve.run


def script(call: str) -> dict[str, str]:
    lines = f"\n\nif __name__ == '__main__':\n    import hmr_serve\n\n    {call}\n"
    return {**APP, "main.py": APP["main.py"] + lines}


def test_run_with_a_name_reloads(make_server) -> None:
    server = make_server(script("hmr_serve.run('main:app', port=0)"))
    server.start_line([sys.executable, "main.py"])
    assert server.get().text == "hello 1"
    server.edit("words.py", "hello", "salut")
    assert server.get().text == "salut 1"
    assert server.stop() == 0


def test_run_from_a_script_that_imported_nothing_yet(make_server) -> None:
    text = "import hmr_serve\n\nhmr_serve.run('main:app', port=0)\nprint('after')\n"
    server = make_server({**APP, "start.py": text})
    server.start_line([sys.executable, "start.py"])
    server.edit("words.py", "hello", "salut")
    assert server.get().text == "salut 1"
    assert server.stop() == 0
    assert server.log.endswith("after\n")


def test_run_with_an_object_says_that_it_cannot_reload(make_server) -> None:
    server = make_server(script("hmr_serve.run(app, port=0)"))
    server.start_line([sys.executable, "main.py"])
    assert server.log.count("An application object cannot be reloaded") == 1
    server.edit("words.py", "hello", "salut")
    assert server.get().text == "hello 1"


def test_run_refuses_an_unknown_option(make_server) -> None:
    server = make_server(script("hmr_serve.run('main:app', prot=0)"))
    server.start_line([sys.executable, "main.py"], wait=False)
    assert server.wait() == 2
    assert "Error: hmr_serve.run() has no option prot; did you mean port" in server.log


# -- bad input


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).write_text(text)


def test_an_unknown_option_names_the_nearest(tmp_path: Path) -> None:
    said = sentence("main:app", "--relaod", cwd=tmp_path, code=2)
    assert said == "there is no option --relaod; did you mean --reload?"


def test_an_option_for_production_is_refused_with_a_reason(tmp_path: Path) -> None:
    said = sentence("main:app", "--workers", "4", cwd=tmp_path, code=2)
    assert said.startswith("--workers is not for development: ")


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--port", "70000"], "--port 70000 is no port"),
        (["--port", "http"], "'http' is not a valid integer"),
        (["--loop", "trio"], "'trio' is not one of 'auto', 'asyncio', 'uvloop'"),
        (["--app-dir", "nowhere"], "--app-dir nowhere is no folder"),
        (["--reload-dir", "nowhere"], "--reload-dir nowhere is no folder"),
        (["--env-file", "nowhere"], "--env-file nowhere does not exist"),
        (["second:app"], "unexpected extra argument (second:app)"),
    ],
)
def test_a_bad_value_is_a_sentence(
    tmp_path: Path, arguments: list[str], part: str
) -> None:
    assert part in sentence("main:app", *arguments, cwd=tmp_path, code=2)


@pytest.mark.parametrize("app", ["main:", "my-app", "main:app:x y", ":app"])
def test_an_app_that_is_no_name_is_a_sentence(tmp_path: Path, app: str) -> None:
    write(tmp_path, APP)
    ended = run_command(app, cwd=tmp_path)
    assert ended.returncode in (1, 2)
    assert ended.stderr.startswith("Error: ")
    assert len(ended.stderr.splitlines()) == 1


def test_no_app_and_nothing_to_find(tmp_path: Path) -> None:
    said = sentence(cwd=tmp_path, code=2)
    assert said.startswith(f"no APP given, and {tmp_path} has no main.py, app.py, ")


def test_a_module_that_is_not_there_lists_close_names(tmp_path: Path) -> None:
    write(tmp_path, APP)
    said = sentence("mian:app", cwd=tmp_path, code=1)
    assert said == f"there is no module mian in {tmp_path}; did you mean main:app?"


def test_a_file_that_is_not_there_lists_close_names(tmp_path: Path) -> None:
    write(tmp_path, APP)
    said = sentence("mian.py", cwd=tmp_path, code=1)
    assert said == "there is no file mian.py; did you mean main.py?"


def test_a_missing_attribute_lists_the_applications(tmp_path: Path) -> None:
    write(
        tmp_path,
        {"main.py": "class A:\n    async def __call__(self, *a): ...\n\n\nweb = A()\n"},
    )
    said = sentence("main:app", cwd=tmp_path, code=1)
    assert said == "module main has no attribute app; did you mean main:web?"


def test_something_that_is_no_application_is_a_sentence(tmp_path: Path) -> None:
    write(tmp_path, {"main.py": "app = {}\n"})
    said = sentence("main:app", cwd=tmp_path, code=1)
    assert said.startswith("main:app is a dict, not an ASGI application; ")


def test_factory_of_an_application_is_a_sentence(tmp_path: Path) -> None:
    write(
        tmp_path,
        {"main.py": "class A:\n    async def __call__(self, *a): ...\n\n\napp = A()\n"},
    )
    said = sentence("main:app", "--factory", cwd=tmp_path, code=1)
    assert said == "main:app is an application already, not a factory; drop --factory."


def test_a_port_in_use_names_its_holder(tmp_path: Path) -> None:
    write(tmp_path, APP)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = sentence("main:app", "--port", str(port), cwd=tmp_path, code=1)
    assert said.startswith(f"port {port} on 127.0.0.1 is in use by ")
    assert f"(pid {os.getpid()})" in said


def test_a_host_that_is_not_ours_is_a_sentence(tmp_path: Path) -> None:
    write(tmp_path, APP)
    said = sentence("main:app", "--host", "192.0.2.1", cwd=tmp_path, code=1)
    assert said.startswith("--host 192.0.2.1 is no address of this machine")
