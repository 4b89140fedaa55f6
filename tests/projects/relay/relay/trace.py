"""What is asked for by name."""

FORMAT = "{}>{}"


class Tracer:
    def __init__(self, format):
        self.format = format

    def line(self, one, two):
        return self.format.format(one, two)


def a_tracer(format=FORMAT):
    return Tracer(format)
