from starlette.middleware import Middleware

from .about import AUTHORS


class Sign:
    def __init__(self, app, *, names: list[str]) -> None:
        self.app = app
        self.sign = " & ".join(names).encode()

    async def __call__(self, scope, receive, send) -> None:
        async def signed(message) -> None:
            if message["type"] == "http.response.start":
                message["headers"].append((b"x-sign", self.sign))
            await send(message)

        await self.app(scope, receive, signed)


middleware = [Middleware(Sign, names=AUTHORS)]
