from fastapi import APIRouter, Depends

from ..deps import Config, admin
from ..errors import BY_CODE
from ..events import listeners
from ..models import KINDS
from ..repositories import ALL

router = APIRouter(prefix="/admin", dependencies=[Depends(admin)])


@router.get("/kinds")
def kinds():
    return {name: [cls.__name__, cls.plural] for name, cls in KINDS.items()}


@router.get("/sizes")
def sizes():
    return {name: len(repository) for name, repository in ALL.items()}


@router.get("/listeners")
def heard():
    return {name: [f.__name__ for f in found] for name, found in listeners.items()}


@router.get("/settings")
def settings(config: Config):
    return config


@router.get("/errors/{code}")
def error(code: str):
    raise BY_CODE[code](f"asked for {code}")
