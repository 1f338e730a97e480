"""The report: every entry with what amqpd and RabbitMQ do about it, and totals by kind.

Decide how the outcomes of an entry's tests become one verdict a target and one for both. Run nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from conformance.catalogue.load import Catalogue, Entry
    from conformance.catalogue.outcomes import Outcome

TARGETS: Final = ("amqpd", "rabbitmq")
TITLES: Final = ("amqpd", "RabbitMQ")
VERDICTS: Final = (
    "proven on both",
    "deviates as RabbitMQ does",
    "untestable",
    "other versions",
    "differs",
    "failing",
    "not run",
)
WIDTH: Final = 60
RANK: Final = ("failed", "expected", "passed", "skipped")
"""What an entry's tests came to is the first of these that any of them came to."""

WORDS: Final = {"failed": "FAILS", "expected": "differs", "passed": "proven", "skipped": "skipped", "": "-"}


class Verdicts:
    """What each entry came to on each target."""

    def __init__(self, outcomes: Iterable[Outcome]) -> None:
        self._seen: dict[tuple[str, str], set[str]] = {}
        self._reasons: dict[str, str] = {}
        for outcome in outcomes:
            for entry in outcome.proves:
                self._seen.setdefault((entry, outcome.target), set()).add(outcome.outcome)
                if outcome.outcome in {"expected", "failed"}:
                    self._reasons.setdefault(entry, outcome.reason)

    def on(self, id: str, target: str) -> str:
        """Return the outcome of an entry on one target, empty if none of its tests ran."""
        seen = self._seen.get((id, target), set())
        return next((outcome for outcome in RANK if outcome in seen), "")

    def reason(self, id: str) -> str:
        """Return why an entry differs or fails."""
        return self._reasons.get(id, "")

    def of(self, entry: Entry) -> str:
        """Return the verdict on an entry, one of VERDICTS."""
        if entry.untested:
            return "deviates as RabbitMQ does" if entry.untested == "deviation" else "untestable"
        seen = [self.on(entry.id, target) for target in TARGETS]
        if "failed" in seen:
            return "failing"
        if "" in seen:
            return "not run"
        if seen == ["passed", "passed"]:
            return "deviates as RabbitMQ does" if entry.deviates else "proven on both"
        return "other versions" if seen == ["skipped", "skipped"] else "differs"


def table(catalogue: Catalogue, verdicts: Verdicts) -> Iterator[str]:
    """Return the report, a line each."""
    width = max((len(entry.id) for entry in catalogue.entries), default=0)
    yield f"{'entry':{width}}  {'text':{WIDTH}}  " + "  ".join(f"{title:8}" for title in TITLES)
    for entry in catalogue.entries:
        words = [_word(entry, verdicts, target) for target in TARGETS]
        yield f"{entry.id:{width}}  {_short(entry.text):{WIDTH}}  " + "  ".join(f"{word:8}" for word in words)
    yield ""
    yield from differing(catalogue, verdicts)
    yield from totals(catalogue, verdicts)


def _word(entry: Entry, verdicts: Verdicts, target: str) -> str:
    if entry.untested:
        return "deviates" if entry.untested == "deviation" else "-"
    word = WORDS[verdicts.on(entry.id, target)]
    return "deviates" if word == "proven" and entry.deviates else word


def _short(text: str) -> str:
    return text if len(text) <= WIDTH else text[: WIDTH - 3].rstrip() + "..."


def differing(catalogue: Catalogue, verdicts: Verdicts) -> Iterator[str]:
    """Return each entry that differs or fails with its reason."""
    for word in ("differs", "failing"):
        entries = [entry for entry in catalogue.entries if verdicts.of(entry) == word]
        if entries:
            yield f"{word}:"
            yield from (f"  {entry.id}: {verdicts.reason(entry.id) or _skips(entry, verdicts)}" for entry in entries)
            yield ""


def _skips(entry: Entry, verdicts: Verdicts) -> str:
    return ", ".join(f"{WORDS[verdicts.on(entry.id, target)]} on {target}" for target in TARGETS)


def totals(catalogue: Catalogue, verdicts: Verdicts) -> Iterator[str]:
    """Return the numbers of each verdict by kind."""
    kinds = list(dict.fromkeys(entry.kind for entry in catalogue.entries))
    counts = Counter((entry.kind, verdicts.of(entry)) for entry in catalogue.entries)
    shown = [verdict for verdict in VERDICTS if any(counts[kind, verdict] for kind in kinds)]
    yield f"{'kind':12}" + "".join(f"{verdict:>{len(verdict) + 3}}" for verdict in ("entries", *shown))
    for kind in [*kinds, "all"]:
        chosen = kinds if kind == "all" else [kind]
        numbers = [sum(counts[each, verdict] for each in chosen) for verdict in shown]
        cells = zip(("entries", *shown), (sum(numbers), *numbers), strict=True)
        yield f"{kind:12}" + "".join(f"{number:>{len(verdict) + 3}}" for verdict, number in cells)
