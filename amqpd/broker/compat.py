"""Versions are data: the behaviours that differ between RabbitMQ's versions, and amqpd's own extensions.

`PROFILES` answers "what does that version do"; handlers ask a `Compat` and never compare version numbers. Extensions
are what amqpd does and no RabbitMQ does; they are on in every profile and off with `strict`.
"""

from __future__ import annotations

from typing import Final

import attrs

MIB: Final = 1024 * 1024


@attrs.frozen
class Profile:
    """The answers of one RabbitMQ version. Each field names a behaviour and where the reference describes it."""

    version: str
    """What connection.start announces."""

    frame_max_minimum: int = 8192
    """Smallest frame_max taken in tune-ok (raised in 4.1)."""

    initial_frame_max: int = 8192
    """Largest frame before tune-ok (raised in 4.1)."""

    max_message_size: int = 16 * MIB
    """Default limit of one body (lowered in 4.0)."""

    refusals_name_permission: bool = True
    """403 texts say which of configure, write or read is missing (since 3.12)."""

    unknown_exchange_type_closes_connection: bool = False
    """503 on the connection instead of 406 on the channel (before 3.13)."""

    has_default_queue_types: bool = True
    """A vhost or the node may say which type a queue has that asks for none (since 3.11)."""

    injects_queue_type: bool = True
    """x-queue-type=classic joins a queue's stored arguments when absent (since 4.0)."""

    passive_needs_any_permission: bool = True
    """A passive declare needs one of the three permissions (since 4.2.7)."""

    reply_to_is_destination: bool = True
    """A mandatory direct reply is not returned as well (since some version after 3.10)."""

    refuses_reply_to_binding: bool = True
    """Binding the name of a consumer of replies is a 403 (since 4.2); before, the queue is just not found."""

    honours_global_qos: bool = True
    """basic.qos(global) sets a channel-wide limit (until 4.2)."""

    window_frees_gets: bool = True
    """Settling a basic.get that a channel-wide window counted as it was set makes room in it (after 4.0)."""

    accepts_cancel_ok: bool = False
    """A client's answer to the server's basic.cancel is taken silently (since 4.3)."""

    topic_permission_covers_copies: bool = True
    """Topic write permission is asked for CC and BCC keys too, after the property checks (since 4.0)."""

    refuses_unknown_delivery_mode: bool = False
    """A delivery-mode other than 1 and 2 is a 406 (before 3.13)."""

    strict_content_size: bool = True
    """Too many body octets, or more than 512 MiB announced, are errors (since 4.2.6)."""

    headers_match_across_types: bool = False
    """A headers exchange finds 5 equal to 5.0 and a timestamp equal to an int (before 3.13)."""

    user_channel_limit_in_brackets: bool = False
    """How the number is written in the per-user channel limit's text (until 4.1)."""

    user_channel_limit_names_node: bool = False
    """That text has the node's name where the user's belongs (seen on 4.0)."""

    topic_wildcards_maximum: int | None = None
    """How many '#' one topic binding key may hold (since 4.3)."""

    missing_exchange_types: tuple[str, ...] = ()
    """Exchange types of RabbitMQ and the plugins it ships that came with a later version (x-local-random: 4.0)."""

    hash_weight_maximum: int | None = 10_000
    """The highest weight of a binding to an x-consistent-hash exchange (none in 3.10)."""

    newer_feature_flags: tuple[str, ...] = ("classic_queue_type_delivery_support", "message_containers")
    """Feature flags that are listed beyond those of 3.10."""

    queue_versions: tuple[int, ...] = (1, 2)
    """Values of x-queue-version (1 left with 4.3)."""

    newer_arguments: tuple[str, ...] = ("x-stream-filter-size-bytes", "target-group-size")
    """Arguments of quorum queues and streams, and keys of policies, that older versions don't know (3.13 and 4.3 added
    some).
    """

    policies_target_queue_types: bool = True
    """A policy's apply-to may be classic_queues, quorum_queues or streams (since 3.12)."""

    policies_lift_delivery_limit: bool = True
    """A policy's delivery-limit may be negative, which means none (since 4.0)."""

    newer_operator_keys: bool = True
    """Operators' policies may have overflow and queue-version (after 3.10)."""

    mirrors_queues: bool = False
    """Policies may have the ha- keys of mirrored classic queues (until 3.13)."""

    validates_queue_mode: bool = True
    """x-queue-mode must be default or lazy (until 4.2)."""

    refuses_master_locator: bool = False
    """x-queue-master-locator is a deprecated feature that is denied (since 4.3)."""

    classic_takes_leader_locator: bool = True
    """x-queue-leader-locator is an argument of classic queues too (after 3.10)."""

    extends_client_history: bool = False
    """An x-death header that a client sends is taken for the message's history (before 4.0)."""

    tells_last_death: bool = True
    """Dead-lettered messages carry x-last-death-* (since 3.13)."""

    original_expiration_first: bool = True
    """original-expiration is the first field of an x-death entry, not the last (since 3.13)."""

    sorts_later_deaths: bool = False
    """An x-death entry that is counted again, or comes to others, has its fields in the order of their names (before
    3.13).
    """

    rekeying_drops_copies: bool = False
    """A dead-letter routing key removes the CC header (before 3.13)."""

    sorts_mechanisms: bool = False
    """connection.start lists the mechanisms by name (before 3.13)."""

    amqplain_types_are_refused_logins: bool = False
    """A LOGIN or PASSWORD of another type than text is a refused login, not malformed (before 3.13)."""

    checks_user_id_first: bool = False
    """basic.publish looks at user-id before expiration and CC/BCC (before 3.13)."""

    checks_cancel_on_failover: bool = False
    """The consumer argument x-cancel-on-ha-failover must be a bool (before 3.13)."""

    crashes_on_unknown_server_named_type: bool = False
    """A server-named queue of an x-queue-type that isn't known is a 541 (seen on 3.10)."""

    crashes_on_unknown_master_locator: bool = False
    """An x-queue-master-locator that isn't known is a 541 (until 3.13; from 4.3 on every one is)."""

    volatile_get_is_refused: bool = True
    """basic.get from the name of a consumer of replies is a 540 (since 4.2); before, a 404."""

    delivery_limit: int | None = 20
    """How often a delivery of a quorum queue may fail by default; None: any number of times (before 4.0)."""

    counts_every_return: bool = True
    """Whatever comes back to a quorum queue is a failed delivery, not only rejected and lost ones (until 4.2)."""

    carries_delivery_count: bool = False
    """A dead letter that goes from one quorum queue to another takes its count of failures along (since 4.3)."""

    get_shows_no_failures: bool = False
    """basic.get shows an x-delivery-count of 0 too, consumers don't (before 4.0)."""

    tells_acquired_count: bool = True
    """Redelivered messages of quorum queues carry x-acquired-count (after 4.0)."""

    single_active_follows_priority: bool = True
    """The single active consumer of a quorum queue gives way to one of a higher priority (since 4.0)."""

    quorum_priorities: int = 2
    """Levels of priority in a quorum queue (none before 4.0, 32 since 4.3)."""

    filters_streams: bool = True
    """Streams know filter values, and consumers of streams filters (since 3.13)."""

    streams_refuse_nack: bool = False
    """basic.nack and basic.reject of a stream's messages are a 540, basic.recover a 541 (before 3.13)."""

    names_stream_queues_plainly: bool = True
    """How the refusals of stream consumers name the queue: stream queue 'q' (since 4.0)."""

    crashes_on_unreadable_age: bool = False
    """A stream's age, or an offset, that begins with no digit is a 541 (until 4.0)."""

    consumer_timeout: float = 1800.0
    """Default of the time in seconds after which an unacknowledged delivery closes its channel."""

    times_out_every_queue_type: bool = True
    """The acknowledgement timeout is for deliveries of every queue (until 4.2), not of quorum queues alone."""

    tells_type_of_deleted_queue: bool = True
    """The event queue.deleted says of what type the queue was (after 3.10)."""

    timed_queue_types: str = "CQ"
    """Letters of the queue types whose x-consumer-timeout says otherwise (none before 3.12, since 4.3 quorum alone)."""

    sorts_headers_of_events: bool = True
    """Events and the firehose's copies have their headers in the order of their names (seen on 4.0 and 4.3)."""

    repeats_timeout_close: bool = False
    """The close after an acknowledgement timeout comes again every minute until close-ok, also behind the close of
    another error (seen on 3.10).
    """

    old_http_access: bool = False
    """Who may read what over HTTP goes by the rules of 3.10 (`amqpd/management/access.py` has them)."""

    aliveness_uses_a_queue: bool = False
    """The aliveness test declares a queue, publishes to it and gets the message back (before 4.1)."""

    http_login_refusal: str = "Not_Authorized"
    """What the HTTP API gives as the reason after a wrong password (other words until 4.0)."""


_NEWEST = Profile(version="4.3.6")
PROFILES: Final[dict[str, Profile]] = {
    "3.10": attrs.evolve(
        _NEWEST,
        version="3.10.8",
        newer_feature_flags=(),
        http_login_refusal="Login failed",
        old_http_access=True,
        newer_operator_keys=False,
        aliveness_uses_a_queue=True,
        hash_weight_maximum=None,
        missing_exchange_types=("x-local-random",),
        frame_max_minimum=4096,
        initial_frame_max=4096,
        max_message_size=128 * MIB,
        refusals_name_permission=False,
        unknown_exchange_type_closes_connection=True,
        has_default_queue_types=False,
        injects_queue_type=False,
        passive_needs_any_permission=False,
        reply_to_is_destination=False,
        refuses_reply_to_binding=False,
        topic_permission_covers_copies=False,
        refuses_unknown_delivery_mode=True,
        strict_content_size=False,
        headers_match_across_types=True,
        user_channel_limit_in_brackets=True,
        classic_takes_leader_locator=False,
        newer_arguments=(),
        window_frees_gets=False,
        sorts_mechanisms=True,
        amqplain_types_are_refused_logins=True,
        crashes_on_unknown_server_named_type=True,
        checks_user_id_first=True,
        checks_cancel_on_failover=True,
        extends_client_history=True,
        tells_last_death=False,
        sorts_later_deaths=True,
        rekeying_drops_copies=True,
        original_expiration_first=False,
        volatile_get_is_refused=False,
        crashes_on_unknown_master_locator=True,
        delivery_limit=None,
        get_shows_no_failures=True,
        tells_acquired_count=False,
        single_active_follows_priority=False,
        quorum_priorities=1,
        tells_type_of_deleted_queue=False,
        sorts_headers_of_events=False,
        repeats_timeout_close=True,
        timed_queue_types="",
        policies_target_queue_types=False,
        policies_lift_delivery_limit=False,
        mirrors_queues=True,
        filters_streams=False,
        streams_refuse_nack=True,
        names_stream_queues_plainly=False,
        crashes_on_unreadable_age=True,
    ),
    "3.13": attrs.evolve(
        _NEWEST,
        policies_lift_delivery_limit=False,
        mirrors_queues=True,
        version="3.13.7",
        window_frees_gets=False,
        sorts_headers_of_events=False,
        refuses_reply_to_binding=False,
        volatile_get_is_refused=False,
        crashes_on_unknown_master_locator=True,
        http_login_refusal="Login failed",
        aliveness_uses_a_queue=True,
        missing_exchange_types=("x-local-random",),
        names_stream_queues_plainly=False,
        crashes_on_unreadable_age=True,
        delivery_limit=None,
        get_shows_no_failures=True,
        tells_acquired_count=False,
        single_active_follows_priority=False,
        quorum_priorities=1,
        extends_client_history=True,
        frame_max_minimum=4096,
        initial_frame_max=4096,
        max_message_size=128 * MIB,
        injects_queue_type=False,
        passive_needs_any_permission=False,
        topic_permission_covers_copies=False,
        strict_content_size=False,
        user_channel_limit_in_brackets=True,
    ),
    "4.0": attrs.evolve(
        _NEWEST,
        version="4.0.9",
        window_frees_gets=False,
        refuses_reply_to_binding=False,
        volatile_get_is_refused=False,
        crashes_on_unreadable_age=True,
        tells_acquired_count=False,
        user_channel_limit_names_node=True,
        http_login_refusal="Login failed",
        aliveness_uses_a_queue=True,
        frame_max_minimum=4096,
        initial_frame_max=4096,
        passive_needs_any_permission=False,
        strict_content_size=False,
        user_channel_limit_in_brackets=True,
    ),
    "4.2": attrs.evolve(_NEWEST, version="4.2.9"),
    "4.3": attrs.evolve(
        _NEWEST,
        honours_global_qos=False,
        accepts_cancel_ok=True,
        topic_wildcards_maximum=2,
        queue_versions=(2,),
        newer_arguments=(
            "x-stream-filter-size-bytes",
            "target-group-size",
            "x-consumer-timeout",
            "x-consumer-disconnected-timeout",
            "x-delayed-retry-type",
            "x-delayed-retry-min",
            "x-delayed-retry-max",
        ),
        validates_queue_mode=False,
        refuses_master_locator=True,
        times_out_every_queue_type=False,
        timed_queue_types="Q",
        counts_every_return=False,
        carries_delivery_count=True,
        quorum_priorities=32,
    ),
}
DEFAULT: Final = "4.2"

EXTENSIONS: Final[dict[str, str]] = {
    "small-frames": "a frame_max of 4096, the specification's minimum, is taken where RabbitMQ 4.1 and later want 8192",
    "waits-behind-commit": "methods that follow a tx.commit wait until it is durable; RabbitMQ closes the connection "
    "with 504 if the commit is still pending",
    "answers-undecodable": "a method that can't be decoded, or is unknown, is answered with a close that says so; "
    "RabbitMQ drops the TCP connection or answers with a bare INTERNAL_ERROR",
    "event-exchange": "the exchange amq.rabbitmq.event, which publishes what happens in the broker, is there unless "
    "events.exchange is false; in RabbitMQ it comes with a plugin",
    "no-consumer-timeout": "deliveries may stay unacknowledged for ever, unless limits.consumer_timeout is set; "
    "RabbitMQ closes their channel after half an hour",
    "consumer-timeouts": "x-consumer-timeout, its policy key and the argument of basic.consume work on classic and "
    "quorum queues in every profile; RabbitMQ's versions ignore, honour or refuse them",
    "expiry-anywhere": "x-message-expiry (policy message-expiry) lets messages expire anywhere in a queue; RabbitMQ's "
    "expire at its head only",
    "retries": "x-delivery-limit, x-delayed-retry-type, -min and -max work on classic queues too, in every profile and "
    "by policy; RabbitMQ has them on quorum queues only, delayed retry since 4.3",
    "delayed-messages": "exchanges of the type x-delayed-message, as the plugin has them that RabbitMQ doesn't ship",
    "deduplication": "exchanges of the type x-message-deduplication, and classic and quorum queues with the argument "
    "of that name, as the community's plugin has them",
    "named-stream-consumers": "a consumer of a stream that gives itself an x-stream-name goes on where the last one of "
    "that name stopped acknowledging; RabbitMQ has that in its stream protocol only, and ignores the argument",
}
"""What amqpd does and no RabbitMQ does: name -> sentence. All are on in every profile and off with `strict = true`."""


@attrs.frozen
class Compat:
    """The profile in force, and whether amqpd's extensions are."""

    profile: Profile
    strict: bool = False

    @classmethod
    def of(cls, name: str = DEFAULT, *, strict: bool = False) -> Compat:
        """Look a profile up. Raises ValueError for a name that isn't in the table."""
        if name not in PROFILES:
            raise ValueError(f"unknown compat profile {name!r}: expected one of {', '.join(PROFILES)}")
        return cls(PROFILES[name], strict)

    def offers(self, exchange_type: str, extension: str | None) -> bool:
        """Whether there is an exchange type of this name; `extension` is the entry that offers it, if one does."""
        if extension is not None:
            return self.extends(extension)
        return exchange_type not in self.profile.missing_exchange_types

    def extends(self, extension: str) -> bool:
        """Whether one of EXTENSIONS is on. Raises KeyError for a name that isn't in the list."""
        _ = EXTENSIONS[extension]
        return not self.strict
