"""Logins by source: what is kept of them, and how many."""

from __future__ import annotations

from amqpd.broker.login_sources import LoginSources, Source


def test_of_too_many_sources_the_one_seen_longest_ago_is_forgotten() -> None:
    sources = LoginSources(most=2)
    for user in ("a", "b", "a", "c"):
        sources.count(Source("http", "::1", user), accepted=user == "a")
    assert [(source.user, good, bad) for source, good, bad in sources] == [("a", 2, 0), ("c", 0, 1)]
