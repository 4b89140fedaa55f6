from .. import constants


def clamp(value, low=0, high=None):
    return max(low, min(value, constants.LIMIT if high is None else high))


def scaled(value, *, by=2):
    return clamp(value) * by
