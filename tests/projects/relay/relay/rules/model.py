from collections import namedtuple

Rule = namedtuple("Rule", "name test level", defaults=[1])
LEVELS = {1: "low", 2: "high"}


def rule(name, level=1):
    def decorate(function):
        return Rule(name, function, level)

    return decorate


def holds(rule, text):
    return f"{rule.name}/{LEVELS[rule.level]}: {bool(rule.test(text))}"
