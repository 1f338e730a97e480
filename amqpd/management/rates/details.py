"""From a history to what JSON shows of it: `rate`, and over a range that is asked for `samples`, `avg` and `avg_rate`.

A rate is the difference of the last two samples. A range gives samples at its own steps, the newest first.
https://www.rabbitmq.com/docs/http-api-reference#statistics-and-rates
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs

from amqpd.clock import iso
from amqpd.management.errors import ApiError
from amqpd.management.numbers import is_number
from amqpd.management.rates.counted import CATEGORIES, Sample
from amqpd.management.rates.history import TICK, History

MAX_SAMPLES: Final = 500
LONGEST: Final = 365 * 24 * 3600


@attrs.frozen
class Range:
    """So many seconds back, at steps of so many."""

    age: int
    step: int


Ranges = Mapping[str, Range]
"""By category; empty: nobody asks for samples."""
NO_RANGES: Final[Ranges] = {}


def ranges_of(query: Mapping[str, str]) -> Ranges:
    """What a query asks for. Raises ApiError for what makes no sense."""
    return {kind: found for kind in dict.fromkeys(CATEGORIES.values()) if (found := _range(query, kind)) is not None}


def _range(query: Mapping[str, str], kind: str) -> Range | None:
    age, step = query.get(f"{kind}_age"), query.get(f"{kind}_incr")
    if age is None or step is None:
        return None
    valid = is_number(age) and is_number(step) and int(step) > 0 and int(age) // int(step) <= MAX_SAMPLES
    if not valid or int(age) > LONGEST:
        reason = f"Invalid range parameters: age {age[:20]}, incr {step[:20]}"
        raise ApiError(400, "invalid_range_parameters", reason)
    return Range(int(age), int(step))


class Details:
    """The past of one object, as views ask for it. Without a history nothing is known, and all rates are 0.0."""

    __slots__ = ("_histories", "_names", "_ranges", "_tick")

    def __init__(
        self, names: tuple[str, ...], histories: tuple[History, ...], ranges: Ranges = NO_RANGES
    ) -> None:
        self._names = names
        self._histories = histories
        """Of several objects: their sum is shown."""
        self._ranges = ranges
        self._tick = max([each.last for each in histories], default=0)

    def rated(self, name: str, value: int) -> dict[str, object]:
        """A count and its details."""
        return {name: value, f"{name}_details": self._of(name)}

    @property
    def idle(self) -> dict[str, object]:
        """`{"idle_since": ...}` of an object whose numbers were the same at the last looks; else nothing."""
        changed = max([each.changed for each in self._histories], default=0)
        return {"idle_since": iso(changed * TICK)} if 0 < changed < self._tick else {}

    def _of(self, name: str) -> dict[str, object]:
        if not self._tick or name not in self._names:
            return {"rate": 0.0}
        index, wanted = self._names.index(name), self._ranges.get(CATEGORIES[name])
        if wanted is None:
            return {"rate": (self._at(self._tick, index) - self._at(self._tick - 1, index)) / TICK}
        # Steps that are no multiple of a tick get the sample before them.
        newest = self._tick * TICK
        times = [newest - back for back in range(0, wanted.age + 1, wanted.step)]
        values = [self._at(each // TICK, index) for each in times]
        rate = (values[0] - values[1]) / wanted.step if len(values) > 1 else 0.0
        span = times[0] - times[-1]
        return {
            "rate": rate,
            "samples": [{"sample": value, "timestamp": at * 1000} for at, value in zip(times, values, strict=True)],
            "avg_rate": (values[0] - values[-1]) / span if span else 0.0,
            "avg": sum(values) / len(values),
        }

    def _at(self, tick: int, index: int) -> int:
        samples = [each.at(tick) for each in self._histories]
        return sum([each[index] for each in samples if each is not None])


NOTHING: Final = Details((), ())


def shown(sample: Sample, names: tuple[str, ...], details: Details) -> dict[str, object]:
    """Each number under its name, with its details."""
    view: dict[str, object] = {}
    for name, value in zip(names, sample, strict=True):
        view |= details.rated(name, value)
    return view
