"""The table of paths: imports of every kind, used in every way."""

import extras.tools
import relay.rules.model as rule_model
from extras import badges as all_badges

import relay

from . import backends, codecs, optional, rules, stars, trace
from .codecs import rot
from .defaults import backoff, names
from .messages import Message
from .util import clamp, join, scaled

table = {}


def path(name, **settings):
    def register(function):
        table[name] = (function, settings)
        return function

    return register


@path("/")
def index(query):
    return [relay.__version__, relay.LIMIT, relay.C.HIDDEN, relay.limit_of("loud")]


@path("/stars", title="stars")
def show_stars(query):
    return [stars.total, stars.LIMIT, stars.COLOR, stars.everything]


@path("/lazy")
def show_lazy(query):
    return [relay.shout("hey"), relay.whisper("A Long Sentence"), relay.text_tools.DOTS]


@path("/dir")
def show_dir(query):
    return [n for n in dir(relay) if not n.startswith("__")]


@path("/messages")
def show_messages(query):
    message = Message("note", query or "empty")
    return [str(message), str(message.wrapped()), message.wrapped().open().text]


@path("/codecs", safe=True)
def show_codecs(query):
    shown = {name: codecs.CODECS[name].twice("abcij") for name in codecs.ORDER}
    return [shown, rot.SHIFT, codecs.default.name]


@path("/backends")
def show_backends(query):
    return [backends.send("hello"), backends.CHOSEN]


@path("/rules")
def show_rules(query):
    texts = ["", "good", "bad word"]
    held = [rule_model.holds(r, t) for r in rules.RULES.values() for t in texts]
    return [held, rules.NAMES, rules.strict.COUNT, rules.strict.words.REASON]


@path("/numbers")
def show_numbers(query):
    return [clamp(99), scaled(5), [backoff(n) for n in range(4)], names]


@path("/optional")
def show_optional(query):
    return [optional.dumps({"b": 1, "a": 2}), optional.fast, optional.PLACE]


@path("/trace")
def show_trace(query):
    tracer = trace.a_tracer()
    return [tracer.line("a", "b"), isinstance(tracer, relay.Tracer)]


@path("/extras")
def show_extras(query):
    return join(*extras.tools.tool(2), all_badges.BADGE, glue="+")
