from fastapi import APIRouter, Response

from ..deps import CurrentUser, Service
from ..schemas import OrderIn, OrderOut

router = APIRouter(prefix="/orders")


@router.get("/mine", response_model=list[int])
async def mine(user: CurrentUser, service: Service):
    return [order.id for order in service.orders.search(user.name)]


@router.get("/{order_id}", response_model=OrderOut, response_model_exclude_unset=True)
def read_order(order_id: int, service: Service, response: Response):
    shown, told = service.read(order_id)
    response.headers["x-told"] = str(len(told))
    return shown


@router.get("/{order_id}/told")
def told(order_id: int, service: Service):
    return service.read(order_id)[1]


@router.post("", status_code=201)
def make_order(order: OrderIn, user: CurrentUser) -> OrderIn:
    return order
