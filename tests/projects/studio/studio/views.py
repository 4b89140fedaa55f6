"""What routes answer."""

from starlette.responses import JSONResponse, PlainTextResponse

from . import __version__, name, plugins, tasks
from .commands import run
from .config import settings, theme, themes
from .decorators import CALLS
from .meta import FORMS
from .pipeline import apply_all
from .registry import commands, filters, views
from .render import render
from .shapes import SOLIDS, Circle, Rectangle, Square
from .shapes.polygons import PAPER
from .states import EVERYONE, NEXT, Planet, Right, State
from .widgets import TREE, Login, Search
from .widgets.forms import LOGIN
from .widgets.tree import LINES


@views("/")
async def index(request):
    return JSONResponse({"name": name, "version": __version__, "title": settings.title})


@views("/theme")
def show_theme(request):
    return JSONResponse([theme, dict(themes)])


@views("/filters/{text}")
async def show_filters(request):
    return JSONResponse(dict(apply_all(request.path_params["text"])))


@views("/plugins")
async def show_plugins(request):
    options = {f: filters.options(f) for f in filters}
    return JSONResponse([[*plugins.by_name], options])


@views("/commands")
async def show_commands(request):
    return JSONResponse({c: [run(c), commands.options(c)] for c in commands})


@views("/shapes")
async def show_shapes(request):
    shapes = [Circle(2), Rectangle(2, 3), Square(3), PAPER]
    solids = [[cls(2).volume(), cls(2).describe()] for cls in SOLIDS.values()]
    return JSONResponse([render(shapes), solids])


@views("/forms")
async def show_forms(request):
    shown = {n: [len(cls), cls.method, cls().helps()] for n, cls in FORMS.items()}
    return JSONResponse([shown, render(LOGIN), render(Login()), Search.icon])


@views("/tree")
async def show_tree(request):
    return PlainTextResponse("\n".join([*LINES, *TREE.walk(1)]))


@views("/states")
async def show_states(request):
    chain = {a.value: [b.value, b.final] for a, b in NEXT.items()}
    planets = [render(p) for p in Planet]
    rights = [render(Right.both), EVERYONE in Right.both]
    return JSONResponse([chain, State.first(), planets, rights])


@views("/tasks")
async def show_tasks(request):
    tasks.LOG.clear()  # else it tells of requests before an edit
    done = [await tasks.all_of(), await tasks.failing()]
    return JSONResponse([*done, tasks.LOG, CALLS])
