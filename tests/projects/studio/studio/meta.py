"""A metaclass that collects fields and classes."""

from .fields import Field

FORMS: dict[str, type] = {}


class FormMeta(type):
    def __new__(mcls, name, bases, space, *, abstract=False):
        cls = super().__new__(mcls, name, bases, space)
        inherited = [f for base in bases for f in getattr(base, "fields", ())]
        own = [k for k, v in space.items() if isinstance(v, Field)]
        cls.fields = tuple(dict.fromkeys([*inherited, *own]))
        if not abstract:
            FORMS[name] = cls
        return cls

    def __len__(cls):
        return len(cls.fields)

    def __iter__(cls):
        return iter(cls.fields)
