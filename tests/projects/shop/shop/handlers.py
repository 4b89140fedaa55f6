"""How errors are answered."""

from fastapi import Request
from fastapi.responses import JSONResponse

from .errors import ShopError

FORMAT = "{code}: {detail}"


async def shop_error(request: Request, error: ShopError) -> JSONResponse:
    text = FORMAT.format(code=error.code, detail=error.detail)
    return JSONResponse({"error": text}, error.status)


async def not_found(request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"nothing": request.url.path}, 404)


HANDLERS = {ShopError: shop_error, 404: not_found}
