"""A rabbitmq.conf becomes settings that amqpd accepts, and every line that becomes none is named with the reason."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from amqpd.cli.convert.keys import UNKNOWN, fate
from amqpd.cli.main import main
from amqpd.config import load

FILE = """
# a node of a cluster
listeners.tcp.default = 5673
listeners.ssl.default = 5671
ssl_options.certfile = /etc/c.pem
ssl_options.versions.1 = tlsv1.3
ssl_options.versions.2 = tlsv1.2
default_user = app   # not guest
default_pass = 's3cr#t'
default_user_tags.administrator = true
default_user_tags.monitoring = true
default_user_tags.management = false
loopback_users.guest = false
default_permissions.write = ^own
management.login_session_timeout = 30
track_auth_attempt_source = true
heartbeat = 30
consumer_timeout = 1800000
channel_max = infinity
vm_memory_high_watermark.absolute = 2GB
disk_free_limit.absolute = 1G
management.tcp.port = 15673
management.path_prefix = /mq
log.console.level = notice
auth_mechanisms.1 = PLAIN
auth_mechanisms.2 = EXTERNAL
auth_backends.1 = internal
cluster_formation.peer_discovery_backend = k8s
definitions.import_backend = https
load_definitions = /etc/definitions.json
no.such.key = 1
"""


def convert(text: str, *options: str) -> Result:
    return CliRunner().invoke(main, ["config", "convert", "-", *options], input=text)


def test_settings_come_out_as_amqpd_reads_them(tmp_path: Path) -> None:
    result = convert(FILE)
    assert result.exit_code == 0
    (tmp_path / "amqpd.toml").write_text(result.stdout)
    config = load(tmp_path / "amqpd.toml", {}, {})
    assert (config.port, config.host) == (5673, ("0.0.0.0", "::"))
    assert (config.tls.port, config.tls.certificate, config.tls.minimum_version) == (5671, Path("/etc/c.pem"), "1.2")
    assert (config.default.user, config.default.password) == ("app", "s3cr#t")
    assert config.default.user_tags == ("administrator", "monitoring")
    assert (config.default.configure, config.default.write) == (".*", "^own")
    assert (config.management.login_session_timeout, config.auth.track_attempt_source) == (1800.0, True)
    assert config.auth.loopback_users == ()
    assert config.auth.mechanisms == ("PLAIN", "EXTERNAL")
    assert (config.limits.heartbeat, config.limits.consumer_timeout) == (30, 1800)
    assert (config.memory.limit, config.disk_free_limit) == (2_000_000_000, 2**30)
    assert (config.management.port, config.management.path_prefix) == (15673, "/mq")
    assert (config.log.level, config.definitions) == ("info", Path("/etc/definitions.json"))


def test_what_has_no_counterpart_is_named_with_its_line_and_the_reason() -> None:
    said = convert(FILE).stderr
    line = FILE.splitlines().index("cluster_formation.peer_discovery_backend = k8s") + 1
    assert f":{line}: cluster_formation.peer_discovery_backend has no counterpart: amqpd is a single node" in said
    for key in ("definitions.import_backend", "no.such.key", "channel_max"):
        assert f"{key} has no counterpart" in said
    assert "auth_backends.1" not in said  # it is so anyway


def test_the_rest_stands_as_comments_in_the_file_without_secrets() -> None:
    written = convert("anonymous_login_pass = x\ndefault_pass = \nmqtt.default_pass = s3cret").stdout
    assert "mqtt.default_pass = ...: amqpd speaks AMQP 0-9-1 alone" in written
    assert "s3cret" not in written
    tomllib.loads(written)


def test_logins_behind_a_proxy_with_tokens_come_out_too(tmp_path: Path) -> None:
    text = """
proxy_protocol = true
auth_backends.1 = rabbit_auth_backend_oauth2
auth_backends.2.authn = oauth2
auth_backends.2.authz = internal
auth_backends.3 = ldap
auth_oauth2.resource_server_id = mq
management.oauth_enabled = true
management.oauth_client_id = ui
management.oauth_provider_url = https://authority.example
auth_oauth2.jwks_url = https://authority.example/keys
auth_oauth2.preferred_username_claims.1 = user_name
auth_oauth2.preferred_username_claims.2 = email
auth_oauth2.additional_scopes_key = roles groups
password_hashing_module = rabbit_password_hashing_sha512
credential_validator.validation_backend = rabbit_credential_validator_min_length
credential_validator.min_length = 12
credential_validator.regexp = ^\\S+$
vhost_max = 5
cluster_queue_limit = 6
cluster_exchange_limit = 7
channel_max_per_node = infinity
"""
    result = convert(text)
    (tmp_path / "amqpd.toml").write_text(result.stdout)
    config = load(tmp_path / "amqpd.toml", {}, {})
    assert config.proxy_protocol
    assert config.auth.backends == ("oauth2", "oauth2:internal")
    assert (config.oauth2.resource_server_id, config.oauth2.jwks_url) == ("mq", "https://authority.example/keys")
    assert (config.management.oauth.enabled, config.management.oauth.client_id) == (True, "ui")
    assert config.oauth2.preferred_username_claims == ("user_name", "email")
    assert config.oauth2.additional_scopes_key == ("roles", "groups")
    assert (config.auth.password_min_length, config.auth.password_regexp) == (12, r"^\S+$")
    assert config.auth.password_hashing == "rabbit_password_hashing_sha512"
    limits = config.limits
    assert (limits.max_vhosts, limits.max_queues, limits.max_exchanges, limits.max_channels) == (5, 6, 7, None)
    assert "there is no backend 'ldap' under this name" in result.stderr


def test_a_service_that_is_asked_over_http_comes_out_with_its_cache(tmp_path: Path) -> None:
    text = """
auth_backends.1 = cache
auth_backends.2.authn = internal
auth_backends.2.authz = rabbit_auth_backend_http
auth_cache.cached_backend = http
auth_cache.cache_ttl = 5000
auth_cache.cache_module = rabbit_auth_cache_ets
auth_http.http_method = post
auth_http.user_path = http://some-server/auth/user
auth_http.vhost_path = http://some-server/auth/vhost
auth_http.resource_path = http://some-server/auth/resource
auth_http.topic_path = http://some-server/auth/topic
auth_http.connection_timeout = 2000
auth_http.request_timeout = 20000
auth_http.ssl_options.cacertfile = /ca.pem
auth_http.ssl_options.verify = verify_peer
"""
    result = convert(text)
    (tmp_path / "amqpd.toml").write_text(result.stdout)
    config = load(tmp_path / "amqpd.toml", {}, {})
    assert config.auth.backends == ("http", "internal:http")
    http = config.auth_http
    assert (http.http_method, http.user_path) == ("post", "http://some-server/auth/user")
    assert (http.vhost_path, http.resource_path) == ("http://some-server/auth/vhost", "http://some-server/auth/resource")
    assert (http.topic_path, http.ca) == ("http://some-server/auth/topic", Path("/ca.pem"))
    assert (http.connection_timeout, http.request_timeout, http.cache_ttl) == (2, 20, 5)
    assert "auth_" not in result.stderr


def test_https_of_the_management_api_is_converted() -> None:
    made = tomllib.loads(convert("management.ssl.port = 15671\nmanagement.ssl.certfile = /c.pem").stdout)
    assert made["management"]["tls"] == {"port": 15671, "certificate": "/c.pem"}


def test_every_key_of_rabbitmq_3_10_is_known() -> None:
    """Its own schemas are the list; a name in a key stands for any name."""
    schemas = [*Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-3.10.*/plugins/rabbit*/priv/schema/*.schema")]
    if not schemas:
        pytest.skip("RabbitMQ is not installed")
    mapped = [key for each in schemas for key in re.findall(r'\{mapping,\s*"([^"]+)"', each.read_text())]
    assert len(mapped) > 500
    unknown = [key for key in mapped if fate(re.sub(r"\$\w+", "name", key))[0] == UNKNOWN]
    assert unknown == []


def test_strict_fails_where_anything_is_lost() -> None:
    assert convert("bogus.key = 1", "--strict").exit_code == 1
    assert convert("heartbeat = 5", "--strict").exit_code == 0


def test_what_amqpd_will_refuse_is_said_at_once() -> None:
    assert "amqpd will not start with this: bad value for 'tls.certificate'" in convert("listeners.ssl.1 = 5671").stderr


@pytest.mark.parametrize("line", ["[{rabbit, []}].", "heartbeat 5"])
def test_another_format_is_refused_with_the_line(line: str) -> None:
    result = convert(line)
    assert result.exit_code == 1
    assert "line 1" in result.stderr


def test_one_address_of_several_ports_is_what_amqpd_has() -> None:
    result = convert("listeners.tcp.1 = 127.0.0.1:5672\nlisteners.tcp.2 = ::1:5672\nlisteners.tcp.3 = 5673")
    assert tomllib.loads(result.stdout) == {"host": ["127.0.0.1", "::1"], "port": 5672}
    assert "there is one port for each protocol, and it is 5672" in result.stderr


def test_what_stands_in_many_files_of_this_kind_comes_out() -> None:
    result = convert(
        "listeners.tcp.1 = :::5672\nmanagement.tcp.port = 15672\nmanagement.tcp.ip = ::\nloopback_users = none\n"
        "anonymous_login_user = none\nlog.file = false\nssl_options.ciphers.1 = TLS_AES_256_GCM_SHA384\n"
        "ssl_options.ciphers.2 = ECDHE-RSA-AES256-GCM-SHA384\nssl_options.ciphers.3 = ECDHE-RSA-AES128-GCM-SHA256\n",
        "--strict",
    )
    assert result.exit_code == 0, result.stderr
    everywhere = ["0.0.0.0", "::"]  # RabbitMQ's socket on :: takes IPv4 as well
    assert tomllib.loads(result.stdout) == {
        "host": everywhere,
        "port": 5672,
        "management": {"host": everywhere, "port": 15672},
        "auth": {"loopback_users": []},
        "tls": {"ciphers": "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256"},
    }


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("default_pass = encrypted:Zm9v", "default_pass has no counterpart: it is encrypted: `amqpctl decode` shows"),
        ("default_pass = $(PASS)", "it is in the variable PASS: set AMQPD_DEFAULT_PASSWORD instead"),
        ("ssl_options.password = t0p", "ssl_options.password has no counterpart: a key has no passphrase here"),
        ("loopback_users = guest", "'guest' is not 'none'"),
        ("log.file = rabbit.log", "log.file has no counterpart: the log goes to standard error"),
    ],
)
def test_what_would_come_out_as_something_else_is_named(line: str, why: str) -> None:
    result = convert(line)
    assert why in result.stderr
    assert tomllib.loads(result.stdout) == {"host": ["0.0.0.0", "::"]}
