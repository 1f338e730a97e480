"""The access file: what it declares, and how its mistakes are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from amqpd.access_file import AccessFile, UserEntry, UserLimits, VHostLimits, load_access_file
from amqpd.config import ConfigError

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"
# The check value of RabbitMQ's page on passwords: the hash of test12.
HASH = "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR"


def read(folder: Path, text: str) -> AccessFile:
    file = folder / "access.toml"
    file.write_text(text, encoding="utf-8")
    return load_access_file(file, users=("guest",), vhosts=("/",))


def refusal(folder: Path, text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        read(folder, text)
    assert "access.toml" in str(caught.value)
    return caught.value


def permission(user: str = "guest", vhost: str = "/", read_pattern: str = ".*") -> str:
    return (
        f'[[permissions]]\nuser = "{user}"\nvhost = "{vhost}"\n'
        f"configure = '.*'\nwrite = '.*'\nread = '{read_pattern}'\n"
    )


def test_an_empty_file_declares_nothing(tmp_path: Path) -> None:
    assert read(tmp_path, "") == AccessFile()


def test_the_example_of_the_documentation_loads(tmp_path: Path) -> None:
    example = PAGE.read_text(encoding="utf-8").split("```toml\n")[2].split("```")[0]
    access = read(tmp_path, example)
    assert [vhost.name for vhost in access.vhosts] == ["orders"]
    assert access.vhosts[0].default_queue_type == "quorum"
    assert access.vhosts[0].limits == VHostLimits(max_connections=200, max_queues=1000)
    shop, reports = access.users
    assert (shop.password, shop.tags) == ("a good one", ("management",))
    assert shop.limits == UserLimits(max_connections=50, max_channels=500)
    assert (reports.password, reports.password_hash) == (None, HASH)
    assert [grant.user for grant in access.permissions] == ["shop", "reports"]
    assert access.permissions[1].configure == ""
    assert access.topic_permissions[0].exchange == "shop.events"


def test_tags_may_be_one_text_with_commas(tmp_path: Path) -> None:
    users = read(tmp_path, "[[users]]\nname = 'a'\ntags = 'management, monitoring'\n").users
    assert users == (UserEntry(name="a", tags=("management", "monitoring")),)


def test_permissions_may_name_the_default_user_and_virtual_host(tmp_path: Path) -> None:
    assert read(tmp_path, permission()).permissions[0].vhost == "/"


@pytest.mark.parametrize(
    ("text", "key", "said"),
    [
        ("[[user]]\nname = 'a'", "user", "did you mean 'users'?"),
        ("[users]\nname = 'a'", "users", "[[users]]"),
        ("users = [1]", "users[#1]", "a table with the keys name, password"),
        ("[[users]]\nname = 'a'\n[[users]]\ntags = []", "users[#2].name", "is missing"),
        ("[[users]]\nname = 'a'\ntag = 'x'", "users['a'].tag", "did you mean 'users['a'].tags'?"),
        ("[[users]]\nname = ''", "users[''].name", "of 1 to 255 bytes"),
        ("[[users]]\nname = 7", "users[#1].name", "text"),
        ("[[users]]\nname = 'a'\n[[users]]\nname = 'a'", "users['a']", "twice"),
        ("[[users]]\nname = 'a'\nlimits = 5", "users['a'].limits", "max_channels"),
        ("[[users]]\nname = 'a'\nlimits.max-channels = 5", "users['a'].limits.max-channels", "max_channels'?"),
        ("[[users]]\nname = 'a'\nlimits.max_channels = -1", "users['a'].limits.max_channels", "from 0"),
        ("[[users]]\nname = 'a'\nhashing_algorithm = 'md5'", "users['a'].hashing_algorithm", "hashing_md5"),
        ("[[vhosts]]\nname = 'v'\ndefault_queue_type = ''", "vhosts['v'].default_queue_type", "of 1 to 255 bytes"),
        ("[[vhosts]]\nname = 'v'\ndescription = 1", "vhosts['v'].description", "text"),
        (permission(user="b"), "permissions['b', '/'].user", "one of 'guest'"),
        (permission(vhost="v"), "permissions['guest', 'v'].vhost", "one of '/'"),
        (permission(read_pattern="(a"), "permissions['guest', '/'].read", "a regular expression"),
        (permission() + permission(), "permissions['guest', '/']", "twice"),
        (permission().rpartition("read")[0], "permissions['guest', '/'].read", "is missing"),
    ],
)
def test_a_mistake_is_named_with_its_entry_and_what_is_allowed(tmp_path: Path, text: str, key: str, said: str) -> None:
    error = refusal(tmp_path, text)
    assert error.key == key
    assert said in str(error)


@pytest.mark.parametrize(
    "line",
    [
        f'password = "s3cret"\npassword_hash = "{HASH}"',
        'password_hash = "s3cret"',
        f'password_hash = "{HASH}"\nhashing_algorithm = "rabbit_password_hashing_sha512"',
        'password = ["s3cret"]',
        'pasword = "s3cret"',
    ],
)
def test_a_bad_password_is_refused_without_showing_it(tmp_path: Path, line: str) -> None:
    error = refusal(tmp_path, f'[[users]]\nname = "a"\n{line}\n')
    assert "pas" in str(error)
    assert "s3cret" not in str(error)
    assert HASH not in str(error)


def test_a_blank_password_is_refused_because_it_never_logs_in(tmp_path: Path) -> None:
    assert "not empty" in str(refusal(tmp_path, "[[users]]\nname = 'a'\npassword = ''"))


def test_an_empty_hash_is_a_user_without_a_password(tmp_path: Path) -> None:
    assert read(tmp_path, "[[users]]\nname = 'a'\npassword_hash = ''").users[0].password_hash == ""


def test_passwords_are_not_shown_by_repr(tmp_path: Path) -> None:
    assert "s3cret" not in repr(read(tmp_path, "[[users]]\nname = 'a'\npassword = 's3cret'"))


def test_topic_patterns_may_contain_variables(tmp_path: Path) -> None:
    text = "[[topic_permissions]]\nuser='guest'\nvhost='/'\nexchange='t'\nwrite='^{username}\\.'\nread='{vhost}$'"
    assert read(tmp_path, text).topic_permissions[0].write == r"^{username}\."


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml"):
        load_access_file(tmp_path / "none.toml")
