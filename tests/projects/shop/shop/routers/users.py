from fastapi import APIRouter

from ..constants import GREETINGS
from ..deps import CurrentUser
from ..repositories import users
from ..schemas import Address, UserOut

router = APIRouter(prefix="/users", tags=["users"])


@router.get("/me", response_model=UserOut)
def me(user: CurrentUser):
    return user


@router.get("/{user_id}/address")
def address(user_id: int) -> Address:
    return users.get(user_id).address


@router.get("/{user_id}/greeting")
async def greeting(user_id: int, mark: str = "!"):
    user = users.get(user_id)
    return GREETINGS[user.address.country] + " " + user.name + mark
