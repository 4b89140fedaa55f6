"""Edits of every kind, again and again, hold no more memory."""

from __future__ import annotations

import importlib
import sys
import tempfile
from pathlib import Path

from growth import check

from hmr_serve._core import Engine

FILES = {
    "settings.py": "LIMIT = {n}\n\ndef limit():\n    return LIMIT\n",
    "models.py": (
        "import enum\nfrom settings import LIMIT\n\n"
        "class Color(enum.Enum):\n    RED = 1\n\n"
        "class Item:\n    size = LIMIT\n    def name(self):\n        return '{n}'\n\n"
        "registry = {{}}\nregistry['item'] = Item\n"
    ),
    "main.py": (
        "import settings\nfrom models import Item, registry\n\n"
        "model = [object() for _ in range(100)]\n\n"
        "def handler():\n    return settings.LIMIT, Item().name(), '{n}'\n\n"
        "async def app(scope, receive, send):\n    return handler()\n"
    ),
}
BROKEN = {"main.py": "def handler(:\n", "models.py": "1 / 0\n"}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        for name, text in FILES.items():
            (root / name).write_text(text.format(n=0))
        sys.path.insert(0, str(root))
        engine = Engine([str(root)])
        engine.install()
        engine.run("entry", lambda: importlib.import_module("main").app)

        def save(name: str, text: str) -> None:
            (root / name).write_text(text)
            engine.apply([str(root / name)])

        def edits() -> None:
            for name, text in FILES.items():
                for n in (1, 0):
                    save(name, text.format(n=n))
            for name, text in BROKEN.items():
                save(name, text)
                save(name, FILES[name].format(n=0))
            save("main.py", FILES["main.py"].format(n=0) + "\ndef more(): pass\n")
            save("main.py", "# moved\n" + FILES["main.py"].format(n=0))
            save("main.py", FILES["main.py"].format(n=0))
            engine.watched()
            engine.statements("main")

        check("edits", edits, times=20, warm_up=10, limit=400)
        engine.uninstall()


main()
