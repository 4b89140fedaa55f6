from typing import Annotated

from fastapi import APIRouter, Depends, Query

from ..deps import Paging
from ..kinds import Color
from ..repositories import items
from ..schemas import ItemOut, Page
from ..services import stock
from ..services.pricing import RULES, cost

router = APIRouter(prefix="/items", tags=["items"])
Search = Annotated[str, Query(max_length=10, description="a part of the name")]


@router.get("/cheapest")
def cheapest() -> ItemOut:
    """The item that costs least."""
    return items.cheapest()


@router.get("/colors", response_model=dict[Color, int])
async def colors():
    return {c: sum(i.color == c for i in items) for c in Color}


@router.get("/{item_id}")
def read_item(item_id: int) -> ItemOut:
    return items.get(item_id)


@router.get("/{item_id}/price")
def price(item_id: int, rule: str = "none"):
    return {"price": str(RULES[rule](cost(items.get(item_id))))}


@router.get("/{item_id}/stock")
async def level(item_id: int, take: int = 0):
    return {"left": stock.take(item_id, take)}


@router.get("")
def list_items(paging: Annotated[Paging, Depends()], q: Search = "") -> Page[ItemOut]:
    found = items.search(q)
    return Page(items=paging.cut(found), total=len(found), start=paging.start)
