from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException

from schemas import Item, NewItem
from settings import settings
from store import ITEMS

router = APIRouter(prefix="/items", tags=["items"])


def find_item(item_id: int) -> Item:
    if item_id not in ITEMS:
        raise HTTPException(status_code=404, detail="no such item")
    return ITEMS[item_id]


@router.get("/")
async def list_items(limit: int = settings.page_size) -> list[Item]:
    return list(ITEMS.values())[:limit]


@router.get("/{item_id}")
async def read_item(item: Annotated[Item, Depends(find_item)]) -> Item:
    return item


@router.get("/{item_id}/price")
async def read_price(item: Annotated[Item, Depends(find_item)]) -> dict[str, str]:
    return {"price": f"{item.price:.2f} {settings.currency}"}


@router.post("/", status_code=201)
async def create_item(new: NewItem) -> Item:
    item = Item(id=max(ITEMS) + 1, name=new.name, price=new.price)
    ITEMS[item.id] = item
    return item
