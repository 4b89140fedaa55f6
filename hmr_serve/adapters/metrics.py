"""prometheus_client: what is registered in the default registry. A metric that is
defined again takes its name over; the others keep their values."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from . import Adapter


class Metrics(Adapter):
    library = "prometheus_client"
    ordered = True

    def types(self) -> tuple[type, ...]:
        from prometheus_client import REGISTRY

        self.registry = REGISTRY
        return ()

    def look(self) -> dict[Hashable, Any]:
        return dict(self.registry._names_to_collectors)

    def put(self, place: Any, value: Any) -> None:
        registry = self.registry
        with registry._lock:
            self._take(place)
            registry._names_to_collectors[place] = value
            registry._collector_to_names.setdefault(value, []).append(place)

    def remove(self, place: Any) -> None:
        with self.registry._lock:
            self._take(place)

    def _take(self, name: str) -> None:
        registry = self.registry
        collector = registry._names_to_collectors.pop(name, None)
        names = registry._collector_to_names.get(collector, [])
        if name in names:
            names.remove(name)
            if not names:
                del registry._collector_to_names[collector]

    def arrange(self, places: Sequence[Any]) -> None:
        registry = self.registry
        with registry._lock:
            by_name = registry._names_to_collectors
            for name in places:
                collector = by_name.pop(name)
                by_name[name] = collector
            collectors = registry._collector_to_names
            for collector in dict.fromkeys(by_name[name] for name in places):
                collectors[collector] = collectors.pop(collector)


adapter = Metrics()
