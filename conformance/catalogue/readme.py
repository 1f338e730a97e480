"""The table of totals in the project's README, between two markers: what the catalogue says without a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from conformance.catalogue.load import Catalogue

BEGIN: Final = "<!-- conformance table: written by `python -m conformance.catalogue write` -->"
END: Final = "<!-- end of the conformance table -->"
NAMES: Final = {
    "class": "classes",
    "method": "methods",
    "field": "fields and properties",
    "reply-code": "reply codes",
    "rule": "rules of AMQP 0-9-1",
    "error": "error conditions",
    "extension": "RabbitMQ's extensions",
    "deviation": "RabbitMQ's deviations",
    "behaviour": "behaviour beyond the documents",
}


def totals(catalogue: Catalogue, differences: Mapping[str, int]) -> str:
    """Return the table, and the sentence with the numbers of differences."""
    lines = ["| | entries | tested | of these as RabbitMQ deviates | deviates, not testable | not testable |",
             "| --- | --: | --: | --: | --: | --: |"]  # fmt: skip
    sums = [0] * 5
    for kind, name in NAMES.items():
        entries = catalogue.of_kind(kind)
        numbers = [
            len(entries),
            sum(not entry.untested for entry in entries),
            sum(bool(entry.deviates) and not entry.untested for entry in entries),
            sum(entry.untested == "deviation" for entry in entries),
            sum(entry.untested == "untestable" for entry in entries),
        ]
        sums = [one + other for one, other in zip(sums, numbers, strict=True)]
        lines.append(_row(name, numbers))
    lines.append(_row("all", sums))
    words = ", ".join(f"{reason} {count}" for reason, count in differences.items())
    return "\n".join([*lines, "", f"Tests whose answer depends on the broker or its version, by reason: {words}."])


def _row(name: str, numbers: list[int]) -> str:
    return f"| {name} | " + " | ".join(map(str, numbers)) + " |"


def with_table(readme: str, table: str) -> str:
    """Return the README with the table between its markers; raise ValueError where they are missing."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"README.md has no lines {BEGIN!r} and {END!r}")
    return f"{before}{BEGIN}\n{table}\n{END}{after}"
