"""Routes from the registry of views."""

from starlette.routing import Mount, Route

from . import views as _views
from .decorators import noted
from .registry import views

assert _views.index is views["/"]


def route(path: str) -> Route:
    return Route(path, noted(views[path]), name=views[path].__name__)


routes = [route(path) for path in views]
routes.append(Mount("/sub", routes=[Route("/tree", views["/tree"])]))
