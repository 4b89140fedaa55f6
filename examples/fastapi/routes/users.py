from fastapi import APIRouter, HTTPException

from schemas import User
from store import USERS

router = APIRouter(prefix="/users", tags=["users"])


@router.get("/{name}")
async def read_user(name: str) -> User:
    if name not in USERS:
        raise HTTPException(status_code=404, detail="no such user")
    return USERS[name]
