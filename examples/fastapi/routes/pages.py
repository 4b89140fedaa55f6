from html import escape
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from settings import settings
from store import ITEMS

router = APIRouter()
PAGE = (Path(__file__).parent.parent / "templates" / "home.html").read_text()


@router.get("/", response_class=HTMLResponse)
async def home(request: Request) -> str:
    request.app.state.visits += 1
    rows = "".join(
        f"<li>{escape(item.name)}: {item.price:.2f} {settings.currency}</li>"
        for item in ITEMS.values()
    )
    return PAGE.format(
        title=escape(settings.title), items=rows, visits=request.app.state.visits
    )
