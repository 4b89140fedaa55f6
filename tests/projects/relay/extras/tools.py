from .badges import BADGE as badge


def tool(number=1):
    return [badge] * number
