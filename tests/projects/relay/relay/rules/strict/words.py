from ...util import shorten

FORBIDDEN = {"bad", "worse"}
REASON = shorten("a word that is forbidden")


def is_clean(text):
    return not FORBIDDEN & set(text.split())
