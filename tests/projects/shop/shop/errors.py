"""What can go wrong, and how it is answered."""


class ShopError(Exception):
    status = 400
    code = "error"

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail)
        self.detail = detail or self.code


class NotFound(ShopError):
    status = 404
    code = "not-found"

    @classmethod
    def of(cls, kind: str, key: object) -> "NotFound":
        return cls(f"no {kind} {key}")


class OutOfStock(ShopError):
    status = 409
    code = "out-of-stock"


class Forbidden(ShopError):
    status = 403
    code = "forbidden"


BY_CODE = {e.code: e for e in (NotFound, OutOfStock, Forbidden)}
