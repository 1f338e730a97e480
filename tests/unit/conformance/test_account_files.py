"""The accounts of the conformance suite say the same to both brokers."""

from __future__ import annotations

import json
from pathlib import Path

from amqpd.access_file import load_access_file
from conformance import accounts


def test_both_files_tell_of_the_same_users_and_permissions(tmp_path: Path) -> None:
    """Guest and the virtual host `/`, which amqpd has by itself, are in RabbitMQ's file only."""
    path = tmp_path / "access.toml"
    path.write_text(accounts.access_file(), encoding="utf-8")
    ours = load_access_file(path, users=["guest"], vhosts=["/"])
    theirs = json.loads(accounts.definitions())
    assert [vhost.name for vhost in ours.vhosts] == [vhost["name"] for vhost in theirs["vhosts"]][1:]
    assert [user.name for user in ours.users] == [user["name"] for user in theirs["users"]][1:]
    assert [(one.user, one.vhost, one.configure, one.write, one.read) for one in ours.permissions] == [
        (one["user"], one["vhost"], one["configure"], one["write"], one["read"]) for one in theirs["permissions"]
    ][1:]
    assert len(ours.topic_permissions) == len(theirs["topic_permissions"])


def test_limits_are_spelled_as_each_broker_spells_them(tmp_path: Path) -> None:
    path = tmp_path / "access.toml"
    path.write_text(accounts.access_file(), encoding="utf-8")
    ours = {user.name: user.limits for user in load_access_file(path, users=["guest"], vhosts=["/"]).users}
    theirs = {user["name"]: user["limits"] for user in json.loads(accounts.definitions())["users"]}
    assert ours[accounts.TWO_CHANNELS].max_channels == theirs[accounts.TWO_CHANNELS]["max-channels"] == 2
    assert ours[accounts.OUTCAST].max_connections == theirs[accounts.OUTCAST]["max-connections"] == 0
    assert theirs[accounts.NOTHING] == {}
