"""The studio's entry: Starlette, registries, plugins, class hierarchies."""

from starlette.applications import Starlette

from studio.middleware import middleware
from studio.routes import routes

app = Starlette(routes=routes, middleware=middleware)
