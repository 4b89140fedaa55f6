"""Options that only a running server can show: listeners, proxies, logging, files."""

from __future__ import annotations

import json
import os
import socket
import ssl
import struct
import sys
from pathlib import Path

import pytest

from . import apps
from .conftest import Serve
from .harness import COMMAND, Server, run_command

APP = apps.PLAIN
SCOPE = {
    "main.py": """\
import contextvars, json

word = contextvars.ContextVar("word", default="fresh")


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        word.set("the lifespan's")
        await send({"type": "lifespan.startup.complete"})
        await receive()
        return
    shown = {key: scope[key] for key in ("client", "scheme", "root_path", "path")}
    body = json.dumps({**shown, "word": word.get()}).encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})
""",
}
GET = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def ask(address: str | tuple[str, int]) -> bytes:
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(family) as client:
        client.settimeout(20)
        client.connect(address)
        client.sendall(GET)
        return client.makefile("rb").read().partition(b"\r\n\r\n")[2]


# -- listeners


def test_a_unix_socket(make_server, tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as stale:  # left behind by a crash
        stale.bind(path)
    os.chmod(path, 0o600)
    server = make_server(APP)
    server.start("--uds", path, wait=False)
    server.until_log(f"hmr-serve running on unix socket {path} (Press")
    assert ask(path) == b"hello 1"
    assert os.stat(path).st_mode & 0o777 == 0o600  # as uvicorn: what it was stays
    server.edit("words.py", "hello", "salut")
    assert ask(path) == b"salut 1"
    said = run_command("main:app", "--uds", path, cwd=server.folder)
    assert f"--uds {path} is in use by another process" in said.stderr
    assert server.stop() == 0
    assert not os.path.exists(path)


def test_a_path_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "precious"
    path.write_text("data")
    said = run_command("main:app", "--uds", str(path), cwd=tmp_path)
    assert said.returncode == 1
    assert "exists and is no socket" in said.stderr
    assert path.read_text() == "data"


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_UNIX])
def test_a_descriptor_that_a_supervisor_left(
    make_server, tmp_path: Path, family: int
) -> None:
    server = make_server(APP)
    with socket.socket(family) as listener:
        address = str(tmp_path / "s") if family == socket.AF_UNIX else ("127.0.0.1", 0)
        listener.bind(address)
        fd = listener.fileno()
        line = [*COMMAND, "main:app", "--fd", str(fd)]
        server.start_line(line, pass_fds=[fd], wait=False)
        server.until_log("hmr-serve running on ")
        assert ask(listener.getsockname()) == b"hello 1"
        assert server.stop() == 0
        if family == socket.AF_UNIX:
            assert os.path.exists(address)  # it is the supervisor's


def test_a_backlog(make_server) -> None:
    server = make_server(APP)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        fd = listener.fileno()
        line = [*COMMAND, "main:app", "--fd", str(fd), "--backlog", "77"]
        server.start_line(line, pass_fds=[fd])
        # Of a listener, tcpi_sacked is how many connections may wait (tcp(7)).
        info = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 32)
    assert struct.unpack("8x6I", info)[5] == 77


def test_a_descriptor_that_is_no_socket_is_a_sentence(tmp_path: Path) -> None:
    said = run_command("main:app", "--fd", "0", cwd=tmp_path)
    assert said.stderr.startswith("Error: --fd 0 is no socket that can listen")


def test_several_hosts_have_one_port(serve: Serve) -> None:
    server = serve(APP, "--host", "127.0.0.1", "--host", "127.0.0.2")
    assert f"http://127.0.0.1:{server.port} and http://127.0.0.2:" in server.log
    assert ask(("127.0.0.1", server.port)) == b"hello 1"
    assert ask(("127.0.0.2", server.port)) == b"hello 1"


# -- requests


def test_proxy_headers(serve: Serve) -> None:
    forwarded = {"X_Forwarded_For": "9.8.7.6", "X_Forwarded_Proto": "https"}
    server = serve(SCOPE, "--root-path", "/api")
    seen = server.get("/x", **forwarded).json
    assert (seen["client"], seen["scheme"]) == (["9.8.7.6", 0], "https")
    assert (seen["root_path"], seen["path"]) == ("/api", "/api/x")
    server.until_log('9.8.7.6:0 - "GET /x HTTP/1.1" 200')
    for options in (["--no-proxy-headers"], ["--forwarded-allow-ips", "1.2.3.4"]):
        seen = serve(SCOPE, *options).get("/", **forwarded).json
        assert (seen["client"][0], seen["scheme"]) == ("127.0.0.1", "http")
    allowed = {"FORWARDED_ALLOW_IPS": "127.0.0.0/8"}
    seen = serve(SCOPE, env=allowed).get("/", **forwarded).json
    assert seen["client"] == ["9.8.7.6", 0]


def test_headers_for_every_response(serve: Serve) -> None:
    server = serve(APP, "--header", "X-One: a:b", "--header", "Server:mine")
    headers = server.get().headers
    assert (headers["x-one"], headers["server"]) == ("a:b", "mine")


def test_contexts_can_be_reset(serve: Serve) -> None:
    assert serve(SCOPE, "--reset-contextvars").get().json["word"] == "fresh"


def test_connections_above_the_limit_get_503(serve: Serve) -> None:
    server = serve(APP, "--limit-concurrency", "2")
    with server.connect(), server.connect():
        assert server.get().status == 503
    server.until_log("more than 2 connections (--limit-concurrency)")


def test_an_idle_connection_is_closed_after_its_time(serve: Serve) -> None:
    server = serve(APP, "--timeout-keep-alive", "0.1")
    with server.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.makefile("rb").read().endswith(b"hello 1")  # to its end


def test_the_size_of_a_head_is_limited(serve: Serve) -> None:
    server = serve(APP, "--h11-max-incomplete-event-size", "2000")
    assert server.get(X="y" * 3000).status == 431
    server = serve(APP, "--h11-max-incomplete-event-size", "200000")
    assert server.get(X="y" * 100_000).status == 200


# -- logging


def test_a_log_configuration(serve: Serve) -> None:
    """With uvicorn's names, as those that people have."""
    config = {
        "version": 1,
        "formatters": {"f": {"format": "<%(name)s> %(message)s"}},
        "handlers": {"h": {"class": "logging.StreamHandler", "formatter": "f"}},
        "loggers": {"uvicorn": {"handlers": ["h"], "level": "INFO"}},
    }
    files = {**APP, "log.json": json.dumps(config)}
    server = serve(files, "--log-config", "log.json")
    assert server.get("/a").status == 200
    log = server.until_log('"GET /a HTTP/1.1" 200')
    assert "<uvicorn.error> hmr-serve running on" in log
    assert "<uvicorn.access> 127.0.0.1:" in log
    assert "INFO:  " not in log
    server.edit("log.json", "<%(name)s>", "[%(name)s]")
    server.until_log("[uvicorn.error] hmr-serve running on")
    assert server.get().text == "hello 1"


INI = """\
[loggers]
keys=root,ours
[handlers]
keys=h
[formatters]
keys=f
[formatter_f]
format=<%(name)s> %(message)s
[handler_h]
class=StreamHandler
args=()
formatter=f
[logger_root]
handlers=
[logger_ours]
qualname=hmr_serve
level=INFO
handlers=h
"""
DICT = {
    "version": 1,
    "formatters": {"f": {"format": "<%(name)s> %(message)s"}},
    "handlers": {"h": {"class": "logging.StreamHandler", "formatter": "f"}},
    "loggers": {"hmr_serve": {"handlers": ["h"], "level": "INFO"}},
}
# Stands for PyYAML, which the tests do not install. JSON is YAML.
YAML_MODULE = "import json\n\n\ndef safe_load(file):\n    return json.load(file)\n"


@pytest.mark.parametrize(
    ("name", "text"), [("log.ini", INI), ("log.yaml", json.dumps(DICT))]
)
def test_other_forms_of_a_log_configuration(
    serve: Serve, tmp_path: Path, name: str, text: str
) -> None:
    (tmp_path / "yaml.py").write_text(YAML_MODULE)
    files, env = {**APP, name: text}, {"PYTHONPATH": str(tmp_path)}
    server = serve(files, "--log-config", name, env=env)
    server.get("/a")
    log = server.until_log('"GET /a HTTP/1.1" 200')
    assert "<hmr_serve> hmr-serve running on" in log
    assert "<hmr_serve.access> 127.0.0.1:" in log


def test_a_log_configuration_from_run(make_server) -> None:
    call = f"hmr_serve.run('main:app', port=0, log_config={DICT})"
    text = f"import hmr_serve\n\n{call}\n"
    server = make_server({**APP, "start.py": text})
    server.start_line([sys.executable, "start.py"])
    assert server.get().text == "hello 1"
    assert "<hmr_serve> hmr-serve running on" in server.log


@pytest.mark.parametrize("name", ["missing.ini", "bad.json"])
def test_a_log_configuration_that_is_none_is_a_sentence(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / "bad.json").write_text("{")
    said = run_command("main:app", "--log-config", name, cwd=tmp_path)
    assert said.returncode == 2
    assert said.stderr.startswith(f"Error: --log-config {name} cannot be used: ")


# -- which files count


def test_an_excluded_module_is_not_applied(serve: Serve) -> None:
    server = serve(APP, "--reload-exclude", "limits.py")
    server.edit("limits.py", "1", "2")
    server.edit("words.py", "hello", "salut")
    assert server.get().text == "salut 1"
    assert [reload.files for reload in server.reloads(1)] == [["words.py"]]


def test_an_included_file_restarts_in_place(serve: Serve) -> None:
    files = {**APP, "page.html": "old", "notes.txt": "-"}
    server = serve(files, "--reload-include", "*.html")
    server.write("notes.txt", "nobody cares")
    assert server.get().text == "hello 1"
    server.write("page.html", "new")
    server.until_log("restarting  page.html  --reload-include names it")
    server.until_noted("main", 2)
    server.until_log("again after")
    server.write("late.html", "new")
    server.until_log("restarting  late.html  --reload-include names it")
    server.until_noted("main", 3)


@pytest.mark.parametrize(
    "option", ["--reload-dir=.", "--reload-include=*.html", "--reload-poll"]
)
def test_an_option_without_effect_is_a_sentence(tmp_path: Path, option: str) -> None:
    said = run_command("main:app", "--no-reload", option, cwd=tmp_path)
    name = option.partition("=")[0]
    assert said.returncode == 2
    assert said.stderr == (
        f"Error: {name} has no effect with --no-reload; leave one of them out.\n"
    )


def test_a_delay_gathers_saves(serve: Serve) -> None:
    server = serve(APP, "--reload-delay", "0.3")
    server.edit("limits.py", "1", "2")
    server.edit("words.py", "hello", "salut")
    assert server.get().text == "salut 2"
    [reload] = server.reloads(1)
    assert sorted(reload.files) == ["limits.py", "words.py"]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("limits.py", "limits.py is watched: the application imported it as limits."),
        ("data.txt", "data.txt is watched: the application read it, or looked for it."),
        ("words.py", "words.py is not watched: --reload-exclude 'wo*' matches it."),
        (
            "x.html",
            "x.html is watched: --reload-include '*.html' matches it; a change ",
        ),
        (".env", ".env is watched: --env-file; what read its variables"),
        ("else.py", "else.py is not watched: the application neither imported nor "),
        ("lib.py", "lib.py is not watched: it was imported as lib, but is in none of "),
    ],
)
def test_explain_path(tmp_path: Path, path: str, said: str) -> None:
    folder, outside = tmp_path / "app", tmp_path / "outside"
    folder.mkdir()
    outside.mkdir()
    files = {
        **APP,
        "data.txt": "",
        "x.html": "",
        ".env": "A=b\n",
        "else.py": "",
        "main.py": APP["main.py"] + "\nimport lib\nopen('data.txt').read()\n",
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    (outside / "lib.py").touch()
    pytest.importorskip("dotenv", reason="python-dotenv is not installed")
    options = ["--reload-exclude", "wo*", "--reload-include", "*.html"]
    asked = str(outside / path) if path == "lib.py" else path
    ended = run_command(
        *("main:app", *options, "--env-file", ".env", "--explain-path", asked),
        cwd=folder,
        env={"PYTHONPATH": str(outside)},
    )
    assert ended.returncode == 0, ended.stderr
    assert said in ended.stdout


# -- TLS

CERTIFICATES = Path(__file__).parents[1] / "asgi" / "certificates"


def ask_securely(port: int, *identity: str, cipher: str | None = None) -> bytes:
    context = ssl.create_default_context(cafile=str(CERTIFICATES / "ca.pem"))
    if identity:
        context.load_cert_chain(*identity)
    if cipher:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(cipher)
    with (
        socket.create_connection(("127.0.0.1", port), 20) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as client,
    ):
        client.sendall(GET)
        return client.makefile("rb").read().partition(b"\r\n\r\n")[2]


def secure_port(server: Server) -> int:
    log = server.until_log("hmr-serve running on https://127.0.0.1:")
    return int(log.partition("https://127.0.0.1:")[2].partition(" ")[0])


def test_https_survives_edits_and_restarts(make_server) -> None:
    server = make_server(SCOPE)
    certificate, key = (str(CERTIFICATES / f"server.{kind}") for kind in ("pem", "key"))
    server.start("--ssl-certfile", certificate, "--ssl-keyfile", key, wait=False)
    port = secure_port(server)
    assert json.loads(ask_securely(port))["scheme"] == "https"
    server.edit("main.py", '"path")', '"path", "method")')
    assert json.loads(ask_securely(port))["method"] == "GET"
    assert server.stop() == 0


def test_the_other_options_of_tls(make_server) -> None:
    """A key with a password; clients need a certificate, and one cipher of TLS 1.2."""
    files = {
        "certfile": "server.pem",
        "keyfile": "encrypted.key",
        "ca-certs": "ca.pem",
    }
    options = [
        *(f"--ssl-{name}={CERTIFICATES / file}" for name, file in files.items()),
        *("--ssl-keyfile-password", "secret", "--ssl-cert-reqs", "2"),
        *("--ssl-ciphers", "ECDHE-ECDSA-AES256-GCM-SHA384:AES256-GCM-SHA384"),
    ]
    server = make_server(SCOPE)
    server.start(*options, wait=False)
    port = secure_port(server)
    identity = [str(CERTIFICATES / f"client.{kind}") for kind in ("pem", "key")]
    for cipher in (None, "AES256"):
        assert json.loads(ask_securely(port, *identity, cipher=cipher))["path"] == "/"
    with pytest.raises((ssl.SSLError, ConnectionError)):
        ask_securely(port, *identity, cipher="AES128")
    # TLS 1.3 tells the client only after its handshake.
    with pytest.raises((ssl.SSLError, ConnectionError, json.JSONDecodeError)):
        json.loads(ask_securely(port))


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (["--ssl-keyfile", "server.key"], "--ssl-keyfile needs --ssl-certfile"),
        (["--ssl-certfile", "missing"], "--ssl-certfile missing does not exist"),
        (["--ssl-certfile", "server.key"], "--ssl-certfile "),
        (["--ssl-certfile", "server.pem"], "--ssl-keyfile "),
        (
            ["--ssl-certfile", "server.pem", "--ssl-keyfile", "second.key"],
            "key values mismatch",
        ),
    ],
)
def test_certificates_that_do_not_fit_are_a_sentence(
    options: list[str], part: str
) -> None:
    ended = run_command("main:app", *options, cwd=CERTIFICATES)
    assert ended.returncode == 2
    [line] = ended.stderr.splitlines()
    assert line.startswith("Error: ")
    assert part in line
