from fastapi import APIRouter

from .. import VERSION
from ..middleware import SEEN

router = APIRouter()
STARTED = {"version": VERSION}


@router.get("/health", include_in_schema=True)
async def health():
    return {**STARTED, "middleware": SEEN}
