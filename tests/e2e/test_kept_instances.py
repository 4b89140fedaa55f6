"""What requests have put aside is of the classes that the edit has made (R20)."""

from __future__ import annotations

from .conftest import Serve

FILES = {
    "models.py": """\
from dataclasses import dataclass

from pydantic import BaseModel


@dataclass
class Session:
    user: str
    visits: int = 0


class Note(BaseModel):
    text: str


class Page(BaseModel):
    notes: list[Note]
""",
    "store.py": "sessions = {}\nnotes = []\n",
    "main.py": """\
import pickle

import models
import store
from fastapi import FastAPI

app = FastAPI()


@app.post("/login/{user}")
def login(user: str):
    store.sessions[user] = models.Session(user)
    app.state.last = store.sessions[user]
    store.notes.append(models.Note(text=user))


@app.get("/seen/{user}")
def seen(user: str):
    session = store.sessions[user]
    session.visits += 1
    copy = pickle.loads(pickle.dumps(session))
    known = isinstance(session, models.Session) and app.state.last is session
    page = models.Page(notes=store.notes)
    return {"known": known, "visits": copy.visits, "notes": len(page.notes)}
""",
}


def test_sessions_live_through_edits_of_their_class(serve: Serve) -> None:
    server = serve(FILES)
    client = server.client()
    assert client.request("POST", "/login/ann").status == 200
    assert server.get("/seen/ann").json == {"known": True, "visits": 1, "notes": 1}
    for i in range(2, 22):
        note, session = "class Note(BaseModel):\n", "visits: int = 0\n"
        text = server.read("models.py")
        text = text.replace(note, f"{note}    extra{i}: int = {i}\n")
        server.write(
            "models.py", text.replace(session, f"{session}    a{i}: int = 1\n")
        )
        answer = server.get("/seen/ann").json
        assert answer == {"known": True, "visits": i, "notes": 1}
    server.edit("main.py", "return {", "return {'new': session.a3, ")
    assert server.get("/seen/ann").json["new"] == 1
    client.close()
