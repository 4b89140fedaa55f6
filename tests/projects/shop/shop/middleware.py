"""Pure ASGI middleware."""

SEEN = ["stamp"]


class Stamp:
    header = b"x-stamp"

    def __init__(self, app, value: str = "shop") -> None:
        self.app = app
        self.value = value.encode()

    async def __call__(self, scope, receive, send) -> None:
        async def stamped(message) -> None:
            if message["type"] == "http.response.start":
                message["headers"].append((self.header, self.value))
            await send(message)

        await self.app(scope, receive, stamped)
