"""What each key of rabbitmq.conf becomes: a setting, nothing because amqpd does it anyway, or nothing and why.

https://github.com/rabbitmq/rabbitmq-server/blob/main/deps/rabbit/docs/rabbitmq.conf.example has all keys.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

import attrs

Read = Callable[[str], object]


class Unfit(Exception):
    """A value that amqpd has no counterpart for; the text says why."""


class Idle(Exception):
    """A value that asks for nothing that amqpd wouldn't do anyway; the text says why."""


@attrs.frozen
class Becomes:
    """A setting."""

    key: str
    read: Read = str
    many: bool = False
    """Whether several lines make one list."""


@attrs.frozen
class Anyway:
    """Nothing is to be set: amqpd behaves like this, or the thing isn't there to be tuned."""

    why: str


@attrs.frozen
class NotThere:
    """amqpd has nothing like it."""

    why: str


Fate = Becomes | Anyway | NotThere


def milliseconds(text: str) -> float:
    """Milliseconds as seconds."""
    return int(text) / 1000


def minutes(text: str) -> float:
    """Minutes as seconds."""
    return int(text) * 60.0


def truth(text: str) -> bool:
    """Raises Unfit."""
    words = {"true": True, "false": False, "on": True, "off": False, "yes": True, "no": False}
    if text.lower() not in words:
        raise Unfit(f"'{text}' is neither true nor false")
    return words[text.lower()]


def nobody(text: str) -> bool:
    """`loopback_users = none`: everybody may come from everywhere. Raises Unfit."""
    if text != "none":
        raise Unfit(f"'{text}' is not 'none'")
    return False


def anonymous(text: str) -> str:
    """The user of anonymous logins. Raises Idle for `none`."""
    if text == "none":
        raise Idle("nobody logs in without a name unless auth.anonymous_user is set")
    return text


def secret(text: str) -> str:
    """A password as it is. Raises Unfit for one that has to be decrypted."""
    if text.startswith("encrypted:"):
        raise Unfit("it is encrypted: `amqpctl decode` shows what it is, for the TOML file or AMQPD_DEFAULT_PASSWORD")
    return text


def addresses(text: str) -> list[str]:
    """Where to listen. RabbitMQ's socket on `::` takes IPv4 as well."""
    return EVERYWHERE if text == "::" else [text]


def not_logged(text: str) -> object:
    """A place for the log. Raises Idle where there is none, Unfit else."""
    if text == "false":
        raise Idle("the log goes to standard error alone")
    raise Unfit(LOGS.why)


def verify(text: str) -> bool:
    """Raises Unfit."""
    if text not in ("verify_peer", "verify_none"):
        raise Unfit(f"'{text}' is neither verify_peer nor verify_none")
    return text == "verify_peer"


def level(text: str) -> str:
    """The level of a log."""
    return {"notice": "info", "critical": "error", "none": "error"}.get(text, text)


def relative(text: str) -> float:
    """A share of the memory."""
    return float(text)


def size(text: str) -> str | int:
    """Octets, with RabbitMQ's units, in which K is 1024 and KB is 1000."""
    found = re.fullmatch(r"(\d+)\s*([a-zA-Z]*)", text)
    if found is None:
        raise Unfit(f"'{text}' is no size")
    unit = {"": "", "k": "KiB", "m": "MiB", "g": "GiB"}.get(found[2].lower(), found[2])
    return f"{found[1]}{unit}" if unit else int(found[1])


def no_limit(text: str) -> object:
    """A number, or none for `infinity`."""
    return "none" if text in ("infinity", "undefined") else int(text)


def overwrite(text: str) -> str:
    """What an interceptor does with what is there."""
    return "overwrite" if truth(text) else "keep"


def json_format(text: str) -> str:
    """The format of a log."""
    return "json" if text == "json" else "console"


EVERYWHERE: Final = ["0.0.0.0", "::"]  # noqa: S104  # where RabbitMQ listens unless it is told where
UNKNOWN: Final = NotThere("amqpd does not know this key")
SINGLE: Final = NotThere("amqpd is a single node")
TCP: Final = Anyway("sockets are set up by amqpd")
ERLANG: Final = Anyway("it tunes the Erlang machine, and there is none")
LOGS: Final = NotThere("the log goes to standard error: systemd or the container engine keeps it")
PROTOCOL: Final = NotThere("amqpd speaks AMQP 0-9-1 alone")
BACKEND: Final = NotThere("users are amqpd's own: see access_file and definitions")
STATISTICS: Final = Anyway("statistics are read from what is there anyway")

KEYS: Final[tuple[tuple[str, Fate], ...]] = (
    (r"listeners\.tcp(\.\w+)?", Becomes("listen.tcp", many=True)),
    (r"listeners\.ssl(\.\w+)?", Becomes("listen.tls", many=True)),
    (r"ssl_options\.certfile", Becomes("tls.certificate")),
    (r"ssl_options\.keyfile", Becomes("tls.key")),
    (r"ssl_options\.cacertfile", Becomes("tls.ca")),
    (r"ssl_options\.verify", Becomes("tls.verify_peer", verify)),
    (r"ssl_options\.fail_if_no_peer_cert", Anyway("with tls.verify_peer a client without a certificate is refused")),
    (r"ssl_options\.versions\.\w+", Becomes("tls.versions", many=True)),
    (r"ssl_options\.ciphers\.\w+", Becomes("tls.ciphers", many=True)),
    (r"ssl_options\.password", NotThere("a key has no passphrase here: `openssl pkey -in KEY -out FILE` takes it off")),
    (r"ssl_options\..*", NotThere("amqpd chooses what TLS offers, apart from tls.minimum_version and tls.ciphers")),
    (r"ssl_handshake_timeout", Anyway("limits.handshake_timeout counts for TLS too")),
    (r"ssl_cert_login_from", Becomes("auth.ssl_cert_login_from")),
    (r"ssl_cert_login_san_type", Becomes("auth.ssl_cert_login_san_type")),
    (r"ssl_cert_login_san_index", Becomes("auth.ssl_cert_login_san_index", int)),
    (r"default_user", Becomes("default.user")),
    (r"default_pass", Becomes("default.password", secret)),
    (r"default_vhost", Becomes("default.vhost")),
    (r"default_user_tags\.(?P<name>.+)", Becomes("default.user_tags", truth, many=True)),
    (r"default_permissions\.(?P<which>configure|write|read)", Becomes("default.{which}")),
    (r"default_users\..*", NotThere("further users are for the access_file, or for definitions")),
    (r"default_policies\..*", NotThere("policies are for definitions")),
    (r"default_limits\..*", NotThere("limits of new virtual hosts are for the access_file: see [[default_limits]]")),
    (r"loopback_users", Becomes("auth.loopback_users", nobody, many=True)),
    (r"loopback_users\.(?P<name>.+)", Becomes("auth.loopback_users", truth, many=True)),
    (r"auth_mechanisms\.\w+", Becomes("auth.mechanisms", many=True)),
    (r"anonymous_login_user", Becomes("auth.anonymous_user", anonymous)),
    (r"anonymous_login_pass", Becomes("auth.anonymous_password", secret)),
    (r"auth_backends\..*", Becomes("auth.backends", many=True)),
    (r"auth_oauth2\.resource_server_id", Becomes("oauth2.resource_server_id")),
    (r"auth_oauth2\.scope_prefix", Becomes("oauth2.scope_prefix")),
    (r"auth_oauth2\.verify_aud", Becomes("oauth2.verify_aud", truth)),
    (r"auth_oauth2\.additional_scopes_key", Becomes("oauth2.additional_scopes_key", str.split)),
    (r"auth_oauth2\.preferred_username_claims\.\w+", Becomes("oauth2.preferred_username_claims", many=True)),
    (r"auth_oauth2\.issuer", Becomes("oauth2.issuer")),
    (r"auth_oauth2\.jwks_(url|uri)", Becomes("oauth2.jwks_url")),
    (r"auth_oauth2\.https\.cacertfile", Becomes("oauth2.ca")),
    (r"auth_oauth2\.default_key", Becomes("oauth2.default_key")),
    (r"auth_oauth2\.algorithms\.\w+", Becomes("oauth2.algorithms", many=True)),
    (r"auth_oauth2\.signing_keys\..*", NotThere("keys in files are a table: see oauth2.signing_keys")),
    (r"auth_http\.http_method", Becomes("auth_http.http_method", str.lower)),
    (r"auth_http\.(?P<which>user|vhost|resource|topic)_path", Becomes("auth_http.{which}_path")),
    (r"auth_http\.(?P<which>connection|request)_timeout", Becomes("auth_http.{which}_timeout", milliseconds)),
    (r"auth_http\.ssl_options\.cacertfile", Becomes("auth_http.ca")),
    (r"auth_http\.ssl_options\.certfile", Becomes("auth_http.certificate")),
    (r"auth_http\.ssl_options\.keyfile", Becomes("auth_http.key")),
    (r"auth_http\.ssl_options\.verify", Anyway("the certificate of the service is checked, and its name")),
    (r"auth_http\.ssl_(options|hostname_verification)\b.*", Anyway("amqpd chooses its TLS with the service")),
    (r"auth_cache\.cache_ttl", Becomes("auth_http.cache_ttl", milliseconds)),
    (r"auth_cache\.cached_backend(\..*)?", Becomes("auth.cached_backend", many=True)),
    (r"auth_cache\..*", Anyway("what a service allows is remembered for auth_http.cache_ttl")),
    (r"auth_(ldap|http|oauth2)\..*", BACKEND),
    (r"credential_validator\.min_length", Becomes("auth.password_min_length", int)),
    (r"credential_validator\.regexp", Becomes("auth.password_regexp")),
    (r"credential_validator\.validation_backend", Anyway("each rule counts that is set: auth.password_*")),
    (r"password_hashing_module", Becomes("auth.password_hashing")),
    (r"proxy_protocol", Becomes("proxy_protocol", truth)),
    (r"heartbeat", Becomes("limits.heartbeat", int)),
    (r"frame_max", Becomes("limits.frame_max", int)),
    (r"channel_max|max_channels_per_connection", Becomes("limits.channel_max", int)),
    (r"max_message_size", Becomes("limits.max_message_size", int)),
    (r"handshake_timeout", Becomes("limits.handshake_timeout", milliseconds)),
    (r"channel_max_per_node", Becomes("limits.max_channels", no_limit)),
    (r"vhost_max", Becomes("limits.max_vhosts", no_limit)),
    (r"cluster_queue_limit", Becomes("limits.max_queues", no_limit)),
    (r"cluster_exchange_limit", Becomes("limits.max_exchanges", no_limit)),
    (r"connection_max|max_connections", Becomes("limits.max_connections", no_limit)),
    (r"consumer_max_per_channel", Becomes("limits.max_consumers_per_channel", no_limit)),
    (r"consumer_timeout", Becomes("limits.consumer_timeout", milliseconds)),
    (r"channel_tick_interval", Becomes("limits.consumer_timeout_tick", milliseconds)),
    (r"vm_memory_high_watermark\.relative", Becomes("memory.limit", relative)),
    (r"vm_memory_high_watermark\.absolute", Becomes("memory.limit", size)),
    (r"vm_memory_high_watermark_paging_ratio", Becomes("memory.paging_ratio", relative)),
    (r"vm_memory_calculation_strategy", Anyway("the broker's own account and the resident size count")),
    (r"disk_free_limit\.absolute", Becomes("disk_free_limit", size)),
    (r"disk_free_limit\.relative", NotThere("disk_free_limit is a number of bytes")),
    (r"cluster_name", Becomes("server.cluster_name")),
    (r"product\.name", Becomes("server.product")),
    (r"product\.version", Becomes("server.version")),
    (r"default_queue_type", Becomes("queues.default_type")),
    (r"quorum_queue\.property_equivalence\.relaxed_checks_on_redeclaration",
     Becomes("queues.relaxed_redeclare", truth)),
    (r"load_definitions|management\.load_definitions|definitions\.local\.path", Becomes("definitions")),
    (r"definitions\..*", NotThere("definitions are one local file, imported at each start")),
    (r"management\.(tcp|listener)\.port", Becomes("management.port", int)),
    (r"management\.(tcp|listener)\.ip", Becomes("management.host", addresses)),
    (r"management\.path_prefix", Becomes("management.path_prefix")),
    (r"management\.cors\.allow_origins\.\w+", Becomes("management.cors_allow_origins", many=True)),
    (r"management\.cors\.max_age", Becomes("management.cors_max_age", int)),
    (r"management\.http\.max_body_size", Becomes("management.max_body_size", int)),
    (r"management\.login_session_timeout", Becomes("management.login_session_timeout", minutes)),
    (r"management\.disable_basic_auth", Becomes("management.disable_basic_auth", truth)),
    (r"management\.ssl\.port", Becomes("management.tls.port", int)),
    (r"management\.ssl\.ip", Becomes("management.host", addresses)),
    (r"management\.ssl\.certfile", Becomes("management.tls.certificate")),
    (r"management\.ssl\.keyfile", Becomes("management.tls.key")),
    (r"management\.ssl\.cacertfile", Becomes("management.tls.ca")),
    (r"management\.ssl\.verify", Becomes("management.tls.verify_peer", verify)),
    (r"management\.oauth_enabled", Becomes("management.oauth.enabled", truth)),
    (r"management\.oauth_client_id", Becomes("management.oauth.client_id")),
    (r"management\.oauth_provider_url", Becomes("management.oauth.provider_url")),
    (r"management\.oauth_scopes", Becomes("management.oauth.scopes")),
    (r"management\.oauth_disable_basic_auth", Becomes("management.disable_basic_auth", truth)),
    (r"management\.oauth_.*", NotThere("the web UI is a public client with PKCE: see management.oauth")),
    (r"management\.(ssl|listener)\..*", NotThere("amqpd chooses what TLS offers: see management.tls")),
    (r"management\.(rates_mode|sample_retention_policies|disable_stats)(\..*)?", STATISTICS),
    (r"management\..*", NotThere("the management API has no such setting")),
    (r"prometheus\.tcp\.port", Becomes("metrics.port", int)),
    (r"prometheus\.tcp\.ip", Becomes("metrics.host", addresses)),
    (r"prometheus\..*", NotThere("metrics have a port and addresses, and nothing else to set")),
    (r"log\.(console\.|file\.|default\.)?level", Becomes("log.level", level)),
    (r"log\.(console|file)\.formatter", Becomes("log.format", json_format)),
    (r"log\.console", Anyway("the log goes to standard error")),
    (r"log\.(file|exchange|syslog)", Becomes("log.level", not_logged)),
    (r"log\..*", LOGS),
    (r"message_interceptors\.incoming\.set_header_timestamp\.overwrite", Becomes("interceptors.timestamp", overwrite)),
    (r"message_interceptors\.incoming\.set_header_routing_node\.overwrite",
     Becomes("interceptors.routed_by", overwrite)),
    (r"message_interceptors\.outgoing\.timestamp", Becomes("interceptors.sent_time", truth)),
    (r"event_exchange\..*", Anyway("the event exchange is built in: events.exchange")),
    (r"collect_statistics(_interval)?", STATISTICS),
    (r"(tcp_listen_options|socket_writer|num_acceptors|tcp)\b.*", TCP),
    (r"(net_ticktime|vm\..*|background_gc.*|erlang\..*|runtime\..*)", ERLANG),
    (r"(cluster_formation|cluster_partition_handling|cluster_keepalive_interval|cluster_tags|node_tags)\b.*", SINGLE),
    (r"(mirroring_sync_batch_size|mirroring_flow_control|queue_leader_locator|queue_master_locator)\b.*", SINGLE),
    (r"(raft|quorum_queue|quorum_cluster_size|quorum_commands_soft_limit|quorum_tick_interval)\b.*", SINGLE),
    (r"(mqtt|stomp|stream|web_mqtt|web_stomp|amqp1_0|mqtt_.*)\b.*", PROTOCOL),
    (r"(shovel|federation|trust_store|tracing)\b.*", NotThere("amqpd has no such plug-in")),
    (r"(queue_index_embed_msgs_below|msg_store_.*|classic_queue\..*|lazy_.*)",
     Anyway("amqpd keeps messages its own way")),
    (r"track_auth_attempt_source", Becomes("auth.track_attempt_source", truth)),
    (r"(reverse_dns_lookups|hipe_compile|channel_operation_timeout)\b.*", NotThere("amqpd has no such setting")),
    (r"management_agent\..*", STATISTICS),
    (r"ssl_options", Anyway("it stands for no options at all")),
    (r"ssl_allow_poodle_attack", NotThere("TLS 1.2 is the oldest that is offered")),
    (r"initial_frame_max", Anyway("a client that has not logged in is held to small frames")),
    (r"total_memory_available_override_value", NotThere("memory.limit may be a number of bytes")),
    (r"mirroring_sync_max_throughput|mnesia_table_loading_.*|distribution\..*|aws\..*", SINGLE),
    (r"(default_worker_pool_size|delegate_count|memory_monitor_interval|sysmon_handler\..*)", ERLANG),
    (r"message_store_shutdown_timeout|vhost_restart_strategy", Anyway("a virtual host has no process that could end")),
    (r"motd_file", NotThere("the log has no banner")),
    (r"deprecated_features\..*", Anyway("what is deprecated follows from `compat`")),
)  # fmt: skip
"""The first that fits decides."""


def fate(key: str) -> tuple[Fate, Mapping[str, str]]:
    """What a key becomes, and the names in it."""
    for pattern, found in KEYS:
        match = re.fullmatch(pattern, key)
        if match is not None:
            return found, {name: value for name, value in match.groupdict().items() if value}
    return UNKNOWN, {}
