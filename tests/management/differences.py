"""Where bodies of amqpd and RabbitMQ 3.10.8 differ over the same topology, and why: patterns for paths of JSON keys.

A path reads `/queues[].message_bytes`: the endpoint, then the keys, `[]` for the items of an array.
"""

from __future__ import annotations

from typing import Final

LACKING: Final = {
    r"/overview\.message_stats\.disk_.*": "of RabbitMQ's own storage",
    r".*\.(reductions|garbage_collection|memory)(_details)?(\..*)?": "Erlang's own",
    r".*\.(backing_queue_status|recoverable_slaves)(\..*)?": "Erlang's own",
    r"/nodes.*\.(io|mnesia|msg_store|queue_index|gc|context|metrics|ra)_.*": "Erlang's own",
    r"/nodes.*\.(config|log)_files\[\]": "settings come from several places, the log goes to standard error",
    r"/queues/?.*\.messages_ram": "of classic queues alone",
    r".*\.(open_files|pending_raft_commands|single_active_consumer_ctag)(\..*)?": "of RabbitMQ's own storage",
    r"/overview\.listeners\[\]\.socket_opts\..*": "options of Erlang's sockets",
    r"/definitions/cmp\.(policies|parameters)\[\]\.vhost": "left out since 3.11",
    r"/definitions\.(parameters|users|vhosts)\[\]\.(value|limits)\..*": "of users who are on the other node alone",
    r"/(global-parameters|definitions\.global_parameters)\[\].*": "internal_cluster_id names RabbitMQ's own cluster",
    r"/(vhosts|queues).*\.(cluster_state|readers)\..*": "the node's name",
}
EITHER: Final = {
    r".*\.idle_since": "there once nothing has happened for a while: a few seconds decide on which side",
}
"""What may be there or not on either side."""
FURTHER: Final = {
    r".*\.(amqpd_version|crypto_lib_version|cluster_tags|node_tags|is_op_policy_updating_enabled)": "of later versions",
    r".*\.(internal|internal_owner|segments|committed_offset)": "of later versions",
    r".*\.(default_queue_type|protected_from_deletion|is_internal_user|being_drained|tls)": "of later versions",
    r".*\.(storage_version|delivery_limit|consumer_timeout|limits(\[\].*)?)": "of later versions",
    r"/queues.*\.(consumer_(capacity|utilisation)|exclusive_consumer_tag|single_active_consumer_tag|leader)": (
        "all types of queues show them"
    ),
    r".*\.(paused|positions|messages_delayed)(\..*)?": "amqpd's own",
    r"/nodes.*\.contexts\[\]\.(node|ssl_opts)": "as in the overview",
    r"/exchanges.*\.policy": "null where there is none",
    r"/definitions.*\.(rabbitmq_definition_format|original_.*|explanation|metadata.*|description|product_.*)": (
        "of later versions"
    ),
    r"/definitions/cmp\.rabbitmq_version": "of later versions",
    r"/definitions\.(users|vhosts)\[\]\..*": "of later versions",
    r"/(vhosts|queues).*\.(cluster_state|readers)\..*": "the node's name",
}
