from ..registry import filters

PRIORITY = 10


class Plugin:
    plugins: list[type] = []
    priority = PRIORITY

    def __init_subclass__(cls, **named) -> None:
        super().__init_subclass__(**named)
        Plugin.plugins.append(cls)
        filters(cls.__name__.lower(), priority=cls.priority)(cls())

    def apply(self, text: str) -> str:
        raise NotImplementedError
