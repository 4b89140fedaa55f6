"""Settings from a file beside the code."""

import json
from pathlib import Path
from types import MappingProxyType, SimpleNamespace

DATA = Path(__file__).parent / "data"
with open(DATA / "settings.json", encoding="utf-8") as file:
    settings = SimpleNamespace(**json.load(file))

words = (DATA / "words.txt").read_text().split()
themes = MappingProxyType({"dark": "#000", "light": "#fff"})
theme = themes[settings.theme]
