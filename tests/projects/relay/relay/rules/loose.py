from . import model
from .model import rule


@rule("anything")
def anything(text):
    return True


RULES = {anything.name: anything, "empty": model.Rule("empty", lambda text: not text)}
