"""Settings: their sources and order, what is refused and in which words, and the list that docs and flags come from."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpd.config import Config, ConfigError, Limits, Memory, Setting, Tls, load, settings
from amqpd.config.errors import missing_library
from amqpd.config.reference import settings_tables, with_settings

ROOT = Path(__file__).parents[2]


def toml(folder: Path, text: str) -> Path:
    file = folder / "amqpd.toml"
    file.write_text(text, encoding="utf-8")
    return file


def refusal(file: Path | None = None, environ: dict[str, str] | None = None, **flags: object) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load(file, environ or {}, flags)
    return caught.value


def test_without_a_source_everything_is_at_its_default() -> None:
    assert load(None, {}, {}) == Config()


def test_the_default_listens_on_loopback_alone() -> None:
    assert Config().host == ("127.0.0.1", "::1")
    assert Config().port == 5672


def test_a_later_source_wins_over_an_earlier_one(tmp_path: Path) -> None:
    file = toml(tmp_path, "port = 1\n[limits]\nheartbeat = 1\nchannel_max = 1\n")
    environ = {"AMQPD_LIMITS_HEARTBEAT": "2", "AMQPD_LIMITS_CHANNEL_MAX": "2"}
    config = load(file, environ, {"limits_channel_max": 3})
    assert (config.port, config.limits.heartbeat, config.limits.channel_max) == (1, 2, 3)


def test_a_flag_that_was_not_given_changes_nothing() -> None:
    assert load(None, {"AMQPD_PORT": "1234"}, {"port": None}).port == 1234


def test_flags_go_by_key_or_by_parameter_name() -> None:
    assert load(None, {}, {"limits.heartbeat": 7}) == load(None, {}, {"limits_heartbeat": 7})


def test_the_variables_of_rabbitmqs_image_set_the_default_user() -> None:
    environ = {"RABBITMQ_DEFAULT_USER": "u", "RABBITMQ_DEFAULT_PASS": "p", "RABBITMQ_DEFAULT_VHOST": "v"}
    default = load(None, environ, {}).default
    assert (default.user, default.password, default.vhost) == ("u", "p", "v")


def test_amqpds_own_variable_wins_over_that_of_rabbitmqs_image() -> None:
    assert load(None, {"RABBITMQ_DEFAULT_USER": "u", "AMQPD_DEFAULT_USER": "a"}, {}).default.user == "a"


def test_an_empty_variable_of_rabbitmqs_image_is_as_good_as_none() -> None:
    assert load(None, {"RABBITMQ_DEFAULT_PASS": ""}, {}).default.password == "guest"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AMQPD_PORT", "tcp://10.96.0.7:5672"),
        ("AMQPD_PORT_5672_TCP", "tcp://10.96.0.7:5672"),
        ("AMQPD_PORT_5672_TCP_ADDR", "10.96.0.7"),
        ("AMQPD_SERVICE_HOST", "10.96.0.7"),
        ("AMQPD_SERVICE_PORT_AMQP", "5672"),
        ("AMQPD_CONFIG", "/etc/amqpd.toml"),
        ("PATH", "/bin"),
    ],
)
def test_variables_that_are_no_settings_are_left_alone(name: str, value: str) -> None:
    """Kubernetes sets the links of a service named amqpd in every container beside it."""
    assert load(None, {name: value}, {}) == Config()


def test_a_path_in_the_file_is_relative_to_the_files_folder(tmp_path: Path) -> None:
    assert load(toml(tmp_path, 'access_file = "access.toml"'), {}, {}).access_file == tmp_path / "access.toml"
    keys = load(toml(tmp_path, '[oauth2.signing_keys]\na = "a.pem"\nb = "/b.pem"'), {}, {}).oauth2.signing_keys
    assert keys == {"a": tmp_path / "a.pem", "b": Path("/b.pem")}
    assert load(None, {"AMQPD_OAUTH2_SIGNING_KEYS": "a=a.pem"}, {}).oauth2.signing_keys == {"a": Path("a.pem")}
    assert load(None, {"AMQPD_ACCESS_FILE": "access.toml"}, {}).access_file == Path("access.toml")


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("4096", 4096), ("4096B", 4096), ("5KB", 5_000), ("8KiB", 8192), ("1 MB", 10**6), ("1mib", 2**20),
        ("1GB", 10**9), ("1GiB", 2**30), ("0", 0),
    ],
)  # fmt: skip
def test_a_size_is_bytes_or_has_a_unit(text: str, size: int) -> None:
    assert load(None, {"AMQPD_LIMITS_FRAME_MAX": text}, {}).limits.frame_max == size


@pytest.mark.parametrize("text", ["", "MiB", "-1", "1.5MiB", "12 parsecs", "4096KiBs", "0x1000"])
def test_text_that_is_no_size_is_refused(text: str) -> None:
    assert 'such as "512MiB"' in str(refusal(environ={"AMQPD_LIMITS_FRAME_MAX": text}))


@pytest.mark.parametrize(
    ("given_value", "limit", "of_1000"),
    [
        ("0.6", 0.6, 600), (0.25, 0.25, 250), ("512", 512, 512), ("2KiB", 2048, 2048), (0, 0, 0), ("0.0", 0, 0),
        (1, 1, 1), (1.0, 1.0, 1000),
    ],
)  # fmt: skip
def test_the_memory_limit_is_a_share_or_a_size(given_value: object, limit: float, of_1000: int) -> None:
    memory = load(None, {}, {"memory.limit": given_value}).memory
    assert memory.limit == limit
    assert memory.limit_in_bytes(1000) == of_1000


def test_lists_and_tables_can_be_one_text() -> None:
    environ = {"AMQPD_HOST": "0.0.0.0, ::", "AMQPD_SERVER_PROPERTIES": "site=a, rack=7=b"}
    config = load(None, {**environ, "AMQPD_AUTH_LOOPBACK_USERS": ""}, {})
    assert config.host == ("0.0.0.0", "::")
    assert config.server.properties == {"site": "a", "rack": "7=b"}
    assert config.auth.loopback_users == ()


def test_none_as_text_unsets_an_optional_number(tmp_path: Path) -> None:
    file = toml(tmp_path, "[limits]\nmax_connections = 5\n")
    assert load(file, {"AMQPD_LIMITS_MAX_CONNECTIONS": "none"}, {}).limits.max_connections is None


@pytest.mark.parametrize(("text", "value"), [("true", True), ("YES", True), ("1", True), ("off", False), ("0", False)])
def test_a_switch_is_a_word(text: str, value: bool) -> None:
    assert load(None, {"AMQPD_STRICT": text}, {}).strict is value


def test_an_unknown_key_of_the_file_is_refused_with_the_nearest_one(tmp_path: Path) -> None:
    error = refusal(toml(tmp_path, "[tls]\nprot = 5671\n"))
    assert error.key == "tls.prot"
    assert "unknown key 'tls.prot' = 5671, did you mean 'tls.port'?" in str(error)
    assert "amqpd.toml" in str(error)


def test_an_unknown_key_that_is_near_nothing_lists_what_there_is(tmp_path: Path) -> None:
    error = refusal(toml(tmp_path, "[log]\nqqqqq = 1\n"))
    assert error.allowed == "log.format, log.level"


def test_what_is_for_the_access_file_is_told_so_without_its_passwords(tmp_path: Path) -> None:
    error = str(refusal(toml(tmp_path, '[[users]]\nname = "shop"\npassword = "s3cret"\n')))
    assert "it belongs into the file of 'access_file'" in error
    assert "s3cret" not in error
    error = str(refusal(toml(tmp_path, '[defaults]\nuser = "shop"\npassword = "s3cret"\n')))
    assert "unknown key 'defaults' = (hidden)" in error


def test_where_very_much_is_allowed_it_is_said_where_that_is_listed(tmp_path: Path) -> None:
    assert refusal(toml(tmp_path, "qqqqq = 1\n")).allowed == "the settings that `amqpd serve --help` lists"


@pytest.mark.parametrize("text", ["listeners.tcp.default = 5672\n", "log.console = true\nheartbeat = 60 s\n"])
def test_a_rabbitmq_conf_is_no_configuration_but_can_be_made_one(tmp_path: Path, text: str) -> None:
    path = tmp_path / "rabbitmq.conf"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"`amqpd config convert .*rabbitmq\.conf` makes TOML of it"):
        load(path, {}, {})


def test_an_unknown_section_is_refused(tmp_path: Path) -> None:
    assert "unknown key 'limit'" in str(refusal(toml(tmp_path, "[limit]\nheartbeat = 1\n")))


def test_a_section_that_is_no_table_is_refused(tmp_path: Path) -> None:
    assert "[tls]" in str(refusal(toml(tmp_path, "tls = 5671\n")))


def test_an_unknown_variable_is_refused_with_the_nearest_one() -> None:
    assert "did you mean 'AMQPD_LIMITS_HEARTBEAT'?" in str(refusal(environ={"AMQPD_LIMIT_HEARTBEAT": "1"}))


def test_an_unknown_flag_is_refused_with_the_nearest_one() -> None:
    assert "did you mean 'tls_port'?" in str(refusal(tls_prot=1))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AMQPD_PORT", "70000"), ("AMQPD_PORT", "-1"), ("AMQPD_PORT", "amqp"), ("AMQPD_PORT", ""), ("AMQPD_HOST", ""),
        ("AMQPD_COMPAT", "4.1"), ("AMQPD_STRICT", "maybe"), ("AMQPD_LIMITS_FRAME_MAX", "4095"),
        ("AMQPD_LIMITS_HANDSHAKE_TIMEOUT", "0"), ("AMQPD_LIMITS_HANDSHAKE_TIMEOUT", "nan"),
        ("AMQPD_MEMORY_LIMIT", "1.01"), ("AMQPD_MEMORY_LIMIT", "half"), ("AMQPD_SHUTDOWN_TIMEOUT", "-1"),
        ("AMQPD_AUTH_MECHANISMS", "plain"), ("AMQPD_SERVER_PROPERTIES", "novalue"), ("AMQPD_LOG_LEVEL", "loud"),
        ("AMQPD_DEFAULT_USER", "u" * 256), ("AMQPD_HOST", "a,,b"),
    ],
)  # fmt: skip
def test_a_bad_value_names_key_value_source_and_what_is_allowed(name: str, value: str) -> None:
    error = refusal(environ={name: value})
    setting = next(setting for setting in settings() if setting.env == name)
    assert error.key == setting.key
    assert error.allowed == setting.allowed
    for part in (setting.key, repr(value), name, setting.allowed):
        assert part in str(error)


@pytest.mark.parametrize("line", ["port = true", 'port = "x"', "port = 5672.0", "strict = 1", "host = [1]", "log = 3"])
def test_a_value_of_another_type_is_refused(tmp_path: Path, line: str) -> None:
    assert refusal(toml(tmp_path, line)).key == line.split(" ", maxsplit=1)[0]


def test_a_compat_without_quotes_is_refused_because_toml_reads_a_number(tmp_path: Path) -> None:
    assert 'one of "3.10", "3.13"' in str(refusal(toml(tmp_path, "compat = 3.10\n")))


def test_passwords_are_shown_neither_by_repr_nor_in_errors() -> None:
    config = load(None, {"AMQPD_DEFAULT_PASSWORD": "s3cret"}, {})
    assert config.default.password == "s3cret"
    assert "s3cret" not in repr(config)
    assert "s3cret" not in str(refusal(environ={"AMQPD_DEFAULT_PASWORD": "s3cret"}))
    assert "s3cret" not in str(refusal(default_password=["s3cret"]))


def test_a_file_that_is_missing_or_no_toml_is_refused_by_name(tmp_path: Path) -> None:
    assert "missing.toml" in str(refusal(tmp_path / "missing.toml"))
    assert "amqpd.toml" in str(refusal(toml(tmp_path, "port = = 1")))
    file = tmp_path / "latin.toml"
    file.write_bytes(b'host = "\xff"')
    assert "latin.toml" in str(refusal(file))


@pytest.mark.parametrize(
    ("environ", "key"),
    [
        ({"AMQPD_TLS_PORT": "5671"}, "tls.certificate"),
        ({"AMQPD_TLS_VERIFY_PEER": "true"}, "tls.ca"),
        ({"AMQPD_PORT": "none"}, "port"),
        ({"AMQPD_MEMORY_OUTBOX_LOW_WATER": "1MiB"}, "memory.outbox_low_water"),
        ({"AMQPD_AUTH_ANONYMOUS_USER": "guest"}, "auth.anonymous_password"),
        ({"AMQPD_AUTH_ANONYMOUS_PASSWORD": "guest"}, "auth.anonymous_user"),
    ],
)
def test_settings_that_do_not_go_together_name_the_one_to_change(environ: dict[str, str], key: str) -> None:
    assert refusal(environ=environ).key == key


def test_a_conflict_names_the_source_of_the_value() -> None:
    assert "AMQPD_MEMORY_OUTBOX_LOW_WATER" in str(refusal(environ={"AMQPD_MEMORY_OUTBOX_LOW_WATER": "1MiB"}))


def test_a_program_gets_the_same_checks_as_a_file() -> None:
    with pytest.raises(ConfigError, match="from 4096"):
        Limits(frame_max=1)
    with pytest.raises(ConfigError, match=r"tls\.certificate"):
        Config(tls=Tls(port=0))
    with pytest.raises(ConfigError, match="not negative"):
        Memory(limit=-1)
    with pytest.raises(ConfigError, match=r"outbox_low_water"):
        Config(memory=Memory(outbox_high_water=1, outbox_low_water=1))


def test_the_config_is_frozen() -> None:
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(Config(), "port", 1)  # noqa: B010 - a plain assignment would not pass mypy


def test_every_setting_has_a_name_of_its_own_in_every_source() -> None:
    for names in zip(*((s.key, s.parameter, s.env, s.flag) for s in settings()), strict=True):
        assert len(set(names)) == len(names)


def test_names_in_all_sources_follow_from_the_key() -> None:
    setting = next(setting for setting in settings() if setting.key == "tls.minimum_version")
    assert setting.env == "AMQPD_TLS_MINIMUM_VERSION"
    assert setting.flag == "--tls-minimum-version"
    assert setting.parameter == "tls_minimum_version"


def test_every_setting_says_what_it_is_for() -> None:
    assert all(setting.help.endswith(".") for setting in settings())


def test_every_default_passes_its_own_check() -> None:
    for setting in settings():
        assert setting.default is None or setting.parse(setting.default) == setting.default


ANYTHING = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text() | st.integers())


@given(st.sampled_from(settings()), ANYTHING)
def test_any_value_is_either_refused_or_taken_for_good(setting: Setting, value: object) -> None:
    """What was taken is of its kind: taking it once more changes nothing."""
    with suppress(ConfigError):
        taken = setting.parse(value)
        assert setting.parse(taken) == taken


def test_the_documentation_shows_the_settings_as_they_are() -> None:
    """`make docs` writes the tables anew."""
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert page == with_settings(page)
    assert "names and meanings are those of RabbitMQ's `auth_http`." in page  # a summary of two lines
    assert all(f"`{setting.key}`" in settings_tables() for setting in settings())


def test_the_example_of_the_documentation_loads(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    example = page.split("```toml\n")[1].split("```")[0]
    config = load(toml(tmp_path, example), {}, {})
    assert config.compat == "3.13"
    assert config.tls.certificate == tmp_path / "server.pem"


def test_a_setting_whose_library_is_missing_says_what_to_install() -> None:
    missing = ModuleNotFoundError("No module named 'h11'", name="h11")
    error = missing_library(missing, "'management.port' is set", "management", key="management.port", value=0)
    assert str(error) == "'management.port' is set, but h11 is not installed: pip install 'amqpd[management]'"
    assert (error.key, error.value) == ("management.port", 0)


@pytest.mark.parametrize(
    "defect",
    [
        ImportError("cannot import name 'gone' from 'amqpd.management.api'", name="amqpd.management.api"),
        ModuleNotFoundError("No module named 'amqpd.management.gone'", name="amqpd.management.gone"),
        ModuleNotFoundError("No module named 'h11._gone'", name="h11._gone"),
        ImportError("cannot import name 'Gone' from 'h11'", name="h11"),
        ModuleNotFoundError("No module named 'resource'", name="resource"),
        ImportError("DLL load failed"),
    ],
    ids=str,
)
def test_no_other_failure_of_an_import_is_taken_for_a_missing_library(defect: ImportError) -> None:
    with pytest.raises(type(defect)) as caught:
        missing_library(defect, "'management.port' is set", "management", key="management.port")
    assert caught.value is defect
