"""A router of ten lines."""

from .optional import dumps
from .responses import Answer, missing


class Router:
    def __init__(self, routes):
        self.routes = routes

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return
        function, settings = self.routes.get(scope["path"], (missing, {}))
        value = function(scope["query_string"].decode())
        answer = Answer(dumps([value, settings]), 404 if function is missing else 200)
        await answer.send(send)
