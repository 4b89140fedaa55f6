from ..meta import FormMeta


class Form(metaclass=FormMeta, abstract=True):
    method = "get"

    def __init__(self, **values):
        for name, value in values.items():
            setattr(self, name, value)

    def values(self):
        return {name: getattr(self, name) for name in type(self)}

    def helps(self):
        return [getattr(type(self), name).help for name in type(self)]
