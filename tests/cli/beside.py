"""The command lines that rabbitmqctl and amqpctl are both asked, and where they may differ, with the reasons."""

from __future__ import annotations

from typing import Final

SCRIPT: Final = """
list_queues
list_queues -q
list_queues -s
list_queues --no-table-headers
list_queues --formatter json name messages
list_queues --formatter csv name arguments
list_queues --formatter pretty_table
list_queues name messages arguments --formatter json_stream
list_vhosts --formatter json_stream
list_policies --formatter json_stream
authenticate_user nope bad --formatter json_stream
list_queues name messages consumers arguments policy durable auto_delete exclusive type state leader members
list_queues name bogus
list_queues -p nope
-p / list_queues name
list_queues name,messages consumers
list_queues --bogus
list_qeues
list_exchanges
list_exchanges name type durable auto_delete internal arguments policy
list_bindings
list_bindings --formatter json
list_connections user peer_host state
list_connections name user vhost channels protocol auth_mechanism timeout frame_max channel_max client_properties
list_channels user consumer_count messages_unacknowledged
list_channels name number vhost transactional confirm prefetch_count global_prefetch_count
list_consumers queue_name consumer_tag ack_required prefetch_count active arguments
list_vhosts
list_vhosts name tracing description tags default_queue_type
list_users
list_users --formatter csv
list_users -t abc
list_permissions
list_permissions -p nope
list_user_permissions guest
list_user_permissions nope
list_topic_permissions
list_user_topic_permissions guest
list_policies
list_policies --formatter json
list_operator_policies
list_parameters
list_vhost_limits
list_user_limits
add_user
add_user a b c
add_user "" x
add_user u1
add_user u1 pw1
add_user u1 pw1
change_password u1 pw2
change_password nope pw2
change_password u1 pw2 --formatter json
authenticate_user u1 pw2
authenticate_user u1 bad
clear_password nope
clear_password u1
authenticate_user u1 pw2
set_user_tags u1 administrator monitoring
set_user_tags nope administrator
list_users
add_vhost v1 --formatter json
add_vhost v2 --description d --tags a,b --default-queue-type quorum
add_vhost v3 --default-queue-type bogus
set_vhost_tags v1 t1 t2
set_vhost_tags nope t1
delete_vhost nope
list_vhosts name description tags default_queue_type
set_permissions -p v1 u1 ^a b .*
set_permissions -p nope u1 ^a b .*
set_permissions -p v1 nope ^a b .*
set_permissions -p v1 u1 ( b .*
set_permissions u1
list_permissions -p v1 --formatter json
list_user_permissions u1
set_topic_permissions -p v1 u1 amq.topic ^w ^r
list_topic_permissions -p v1
list_user_topic_permissions u1
clear_topic_permissions -p v1 u1 amq.topic
clear_topic_permissions -p v1 u1
clear_permissions -p v1 u1
clear_permissions -p nope u1
set_policy p1 ^q '{"max-length":100}' --priority 5 --apply-to queues
set_policy p1 ^q {bad
set_policy p2 ^q '{"bogus":100}'
set_policy p2 ^q '{"max-length":"x"}'
set_policy p2 ( '{"max-length":1}'
set_policy p2 ^q '{"max-length":1}' --apply-to bogus
set_policy p2 ^q '{"max-length":1}' --priority abc
set_policy -p nope p2 ^q '{"max-length":1}'
list_policies
list_policies --formatter json
set_operator_policy op1 ^q '{"max-length":50}'
list_operator_policies
list_queues name policy
clear_policy p1
clear_policy p1
clear_policy -p nope p
clear_operator_policy op1
clear_operator_policy op1
set_parameter shovel a '{}'
clear_parameter shovel a
set_global_parameter gp '{"a":[1,"x",true,null,1.5]}'
set_global_parameter gp2 bad
clear_global_parameter gp
clear_global_parameter gp
set_vhost_limits -p v1 '{"max-connections":5}'
set_vhost_limits -p v1 '{"bogus":5}'
set_vhost_limits -p nope '{"max-connections":5}'
list_vhost_limits -p v1
list_vhost_limits -p v1 --formatter json
list_vhost_limits --global
clear_vhost_limits -p v1
clear_vhost_limits -p nope
set_user_limits u1 '{"max-connections":5}'
set_user_limits u1 '{"max-channels":7}'
set_user_limits u1 '{"max-connections":"x"}'
set_user_limits nope '{"max-connections":5}'
list_user_limits --user u1
list_user_limits --global
list_user_limits --user nope
clear_user_limits u1 max-connections
clear_user_limits u1 all
purge_queue q1
purge_queue nope
delete_queue nope
delete_queue "q two" --if-unused
delete_queue q1 --if-empty
delete_vhost v1
delete_user u1
delete_user u1
trace_on
trace_off --formatter json
restart_vhost
restart_vhost -p nope
sync_queue nope
close_all_connections -p v2 reason
close_all_user_connections nope bye
set_vm_memory_high_watermark 2.0
set_vm_memory_high_watermark absolute bogus
set_vm_memory_high_watermark absolute 1GB
set_disk_free_limit bogus
set_disk_free_limit 100MB
set_log_level bogus
rotate_logs
import_definitions nofile.json
enable_feature_flag all
ping
ping extra
-q ping
ping --formatter json
await_startup
node_health_check
rabbitmq-diagnostics -q check_running
rabbitmq-diagnostics check_local_alarms
rabbitmq-diagnostics check_alarms
rabbitmq-diagnostics alarms
rabbitmq-diagnostics check_virtual_hosts
rabbitmq-diagnostics check_protocol_listener amqp
rabbitmq-diagnostics is_running
rabbitmq-diagnostics is_booting
rabbitmq-diagnostics server_version
rabbitmq-diagnostics check_if_node_is_quorum_critical
rabbitmq-queues check_if_node_is_mirror_sync_critical
rabbitmq-queues quorum_status nope
rabbitmq-plugins enable bogus
bogus
list_ciphers
list_hashes
encode
encode value
encode --cipher bogus value pass
encode --hash bogus value pass
encode --iterations 0 value pass
decode
decode x
decode x y
decode '{encrypted,<<"deLJ2CHClUMQWm0p7V4+0tw0RhKBrvhU5cR/szMjXB53N2ycDFXoE9AZNlS/3ld+">>}' pass
decode '{encrypted,<<"deLJ2CHClUMQWm0p7V4+0tw0RhKBrvhU5cR/szMjXB53N2ycDFXoE9AZNlS/3ld+">>}' bad
decode '{encrypted,<<"2pT+Ic69tLzEOKa2PKDxKDs3vQCi5AlA1jSg5DZDiQIwQZwbBYktbKxBprgIn18M">>}' pass
decode '{encrypted,<<"Ut/q5cokYC7ic0Vc+0zBG8z6+S+BwZ8T0RwTZf5a3AXWyKpnYhqPbhG6x7TbQjFK">>}' pass --formatter json
decode '{encrypted,<<"IEg3aRvGOZ0RZufvzeDhUzK+uw3pEADlTzpIt61R1u+tqZjJRYoDpHyj">>}' pass \
 --cipher aes_128_ctr --hash sha --iterations 10
decode '{encrypted,<<"NqgJSyLn2/9IEv0k8RpqhB6VMtD3oAcQpHpEumEVF3mmZ0UDNFFMPhx7NxacS6PC">>}' pass \
 --cipher aes_256_cbc --hash sha512 --iterations 1
decode '{encrypted,<<"Wm1kCzKFNW4VEorBV5gdDN9LAYurqcgzsO0PEM2l5HYaPdM1McrzekzAytk4Qiej">>}' pass
list_queues -p nope --formatter json
list_queues --offline
add_user guest x --formatter json
change_password nope pw2 --formatter json
authenticate_user guest guest --formatter json
authenticate_user guest bad --formatter json
set_user_tags nope administrator --formatter json
delete_user nope --formatter json
delete_vhost nope --formatter json
set_vhost_tags nope t1 --formatter json
set_permissions -p nope guest ^a b .* --formatter json
set_permissions nope ^a b .* --formatter json
list_permissions -p nope --formatter json
clear_permissions nope --formatter json
set_topic_permissions -p nope guest amq.topic a b --formatter json
clear_topic_permissions nope --formatter json
set_policy p2 ( '{"max-length":1}' --formatter json
clear_policy nope --formatter json
purge_queue nope --formatter json
sync_queue qq
cancel_sync_queue qq
cancel_sync_queue qq --formatter json
enable_feature_flag bogus
list_feature_flags
list_feature_flags name state stability provided_by desc doc_url
list_feature_flags name bogus
await_online_nodes x
await_online_nodes 1
hipe_compile /tmp/x
hipe_compile /tmp/x --formatter json
eval
eval node().
eval node(). --formatter json
rabbitmq-diagnostics check_running --formatter json
rabbitmq-diagnostics is_running --formatter json
rabbitmq-diagnostics is_booting --formatter json
rabbitmq-diagnostics check_virtual_hosts --formatter json
rabbitmq-diagnostics check_protocol_listener amqp --formatter json
rabbitmq-diagnostics check_certificate_expiration --within 1 --unit days --formatter json
rabbitmq-diagnostics check_certificate_expiration --within 1 --unit bogus
rabbitmq-diagnostics server_version --formatter json
rabbitmq-diagnostics memory_breakdown --unit bogus
rabbitmq-diagnostics alarms --formatter json
rabbitmq-diagnostics discover_peers
rabbitmq-diagnostics discover_peers --formatter json
rabbitmq-diagnostics resolve_hostname localhost --formatter json
rabbitmq-diagnostics node_health_check --formatter json
rabbitmq-diagnostics reset_node_auth_attempt_metrics
rabbitmq-diagnostics list_node_auth_attempt_stats
rabbitmq-diagnostics list_node_auth_attempt_stats --by-source
rabbitmq-queues check_if_node_is_quorum_critical --formatter json
rabbitmq-queues quorum_status nope --formatter json
rabbitmq-queues reclaim_quorum_memory qq
rabbitmq-queues reclaim_quorum_memory nope
rabbitmq-queues rebalance bogus
rabbitmq-queues rebalance all --formatter json
add_user dry run --dry-run
list_users --dry-run --formatter json
list_unresponsive_queues bogus
delete_queue ""
enable_feature_flag ""
eval ""
eval_file
eval_file nofile
exec
close_connection "<rabbit@x.1.2.3>" bye
export_definitions - --format bogus
import_definitions nofile --format bogus
wait --pid 99999999
join_cluster rabbit@localhost
join_cluster rabbit@localhost --disc --ram
forget_cluster_node rabbit@localhost
forget_cluster_node rabbit@localhost --offline
change_cluster_node_type bogus
change_cluster_node_type ram
update_cluster_nodes rabbit@localhost
rename_cluster_node a b
rename_cluster_node a b c
force_boot
await_online_nodes 2 -t 1
trace_off extra
autocomplete
autocomplete list_q
autocomplete a b
restart_vhost --formatter json
list_user_limits --formatter json
close_all_connections -p v2 reason --formatter json
schema_info bogus
rabbitmq-diagnostics schema_info
rabbitmq-diagnostics schema_info extra
rabbitmq-diagnostics consistent_hash_exchange_ring_state ch
rabbitmq-diagnostics consistent_hash_exchange_ring_state ch --formatter json
rabbitmq-diagnostics consistent_hash_exchange_ring_state nope
rabbitmq-diagnostics consistent_hash_exchange_ring_state nope --formatter json
rabbitmq-diagnostics consistent_hash_exchange_ring_state
rabbitmq-diagnostics check_port_listener abc
rabbitmq-diagnostics check_protocol_listener amqp0-9-1
rabbitmq-diagnostics resolve_hostname localhost --address-family bogus
rabbitmq-diagnostics resolve_hostname localhost --offline
rabbitmq-diagnostics resolver_info
rabbitmq-diagnostics resolver_info --offline
rabbitmq-diagnostics resolver_info --formatter json
rabbitmq-diagnostics list_network_interfaces
rabbitmq-diagnostics list_network_interfaces --formatter json
rabbitmq-diagnostics list_network_interfaces extra
rabbitmq-diagnostics certificates
rabbitmq-diagnostics certificates --formatter json
rabbitmq-diagnostics certificates extra
rabbitmq-diagnostics cipher_suites --format bogus
rabbitmq-diagnostics command_line_arguments --formatter json
rabbitmq-diagnostics erlang_cookie_hash
rabbitmq-diagnostics erlang_cookie_hash --formatter json
rabbitmq-diagnostics erlang_cookie_hash extra
rabbitmq-diagnostics erlang_cookie_sources
rabbitmq-diagnostics erlang_cookie_sources --formatter json
rabbitmq-diagnostics erlang_cookie_sources --offline
rabbitmq-diagnostics os_env --formatter json
rabbitmq-diagnostics os_env extra
rabbitmq-diagnostics maybe_stuck extra
rabbitmq-diagnostics observer extra
rabbitmq-diagnostics remote_shell extra
rabbitmq-diagnostics runtime_thread_stats extra
rabbitmq-diagnostics log_tail_stream extra
rabbitmq-diagnostics log_tail_stream --duration 0
rabbitmq-diagnostics consume_event_stream extra
rabbitmq-diagnostics enable_auth_attempt_source_tracking
rabbitmq-diagnostics disable_auth_attempt_source_tracking --formatter json
rabbitmq-upgrade -q await_online_quorum_plus_one
rabbitmq-queues peek qq 1
rabbitmq-queues peek qq 1 --formatter json
rabbitmq-queues peek qq 0
rabbitmq-queues peek qq
rabbitmq-queues peek "q two" 1
rabbitmq-queues peek "q two" 1 --formatter json
rabbitmq-queues peek nope 1
rabbitmq-queues peek nope 1 --formatter json
rabbitmq-queues quorum_status "q two"
rabbitmq-queues stream_status ss --formatter json
rabbitmq-queues stream_status ss --tracking --formatter json
rabbitmq-queues stream_status qq
rabbitmq-queues stream_status "q two"
rabbitmq-queues stream_status nope
rabbitmq-queues grow rabbit@localhost all
rabbitmq-queues grow rabbit@localhost bogus
rabbitmq-queues shrink rabbit@localhost
rabbitmq-queues shrink rabbit@localhost --formatter json
rabbitmq-queues add_member qq rabbit@localhost
rabbitmq-queues add_member "q two" rabbit@localhost
rabbitmq-queues add_member nope rabbit@localhost
rabbitmq-queues delete_member qq rabbit@localhost
rabbitmq-queues delete_member "q two" rabbit@localhost
rabbitmq-queues delete_member nope rabbit@localhost
rabbitmq-streams add_replica ss rabbit@localhost
rabbitmq-streams add_replica qq rabbit@localhost
rabbitmq-streams add_replica "q two" rabbit@localhost
rabbitmq-streams add_replica nope rabbit@localhost
rabbitmq-streams delete_replica ss rabbit@localhost
rabbitmq-streams delete_replica qq rabbit@localhost
rabbitmq-streams delete_replica nope rabbit@localhost
rabbitmq-streams set_stream_retention_policy ss
rabbitmq-streams set_stream_retention_policy nope 7D
rabbitmq-plugins directories
rabbitmq-plugins directories --formatter json
rabbitmq-plugins directories --offline --online
rabbitmq-plugins list --verbose --minimal
rabbitmq-plugins is_enabled
rabbitmq-plugins is_enabled bogus
rabbitmq-plugins is_enabled bogus --offline --online
rabbitmq-plugins enable
rabbitmq-plugins enable rabbitmq_sharding --all
rabbitmq-plugins disable
rabbitmq-plugins disable rabbitmq_sharding --all
rabbitmq-plugins set bogus
rabbitmq-upgrade await_online_quorum_plus_one
rabbitmq-upgrade await_online_quorum_plus_one --formatter json
rabbitmq-upgrade await_online_synchronized_mirror
rabbitmq-upgrade post_upgrade
rabbitmq-upgrade drain
rabbitmq-upgrade revive
set_vm_memory_high_watermark 0.000000001
rabbitmq-diagnostics check_alarms
rabbitmq-diagnostics check_alarms --formatter json
rabbitmq-diagnostics check_local_alarms
rabbitmq-diagnostics check_local_alarms --formatter json
rabbitmq-diagnostics alarms
rabbitmq-diagnostics node_health_check
set_vm_memory_high_watermark 0.4
reset
stop_app
rabbitmq-diagnostics check_running
rabbitmq-diagnostics is_running --formatter json
rabbitmq-diagnostics check_local_alarms --formatter json
rabbitmq-diagnostics check_port_connectivity
rabbitmq-diagnostics erlang_cookie_hash
rabbitmq-diagnostics list_network_interfaces
rabbitmq-diagnostics resolver_info
rabbitmq-diagnostics tls_versions
rabbitmq-queues peek qq 1
rabbitmq-streams add_replica ss rabbit@localhost
ping
list_users
join_cluster other@localhost
update_cluster_nodes other@localhost
change_cluster_node_type disc
change_cluster_node_type ram
forget_cluster_node rabbit@localhost
force_boot
await_online_nodes 1
add_user u9 pw
stop_app
reset
start_app
start_app
list_queues
"""
"""Whole lines; both are in the same state before each. Of the encrypted values RabbitMQ made the first four, amqpd the
rest."""

EVENT_EXCHANGE = "amqpd has the exchange of RabbitMQ's event plug-in built in"
NO_ERLANG = "there is no Erlang, and so no cookie, no Mnesia and none of RabbitMQ's variables"
NOT_THERE = "amqpd has no cluster: it reaches for no other node"
BUILT_IN = "what amqpd has of plugins is built in"
OF_OPENSSL = "amqpd leaves out what is old, and shows the list in one line"
DIFFERENCES: Final = {
    "list_ciphers": OF_OPENSSL,
    "list_hashes": OF_OPENSSL,
    "list_exchanges": EVENT_EXCHANGE,
    "list_exchanges name type durable auto_delete internal arguments policy": EVENT_EXCHANGE,
    "list_queues name messages arguments --formatter json_stream": "RabbitMQ adds empty lines, for each process asked",
    "bogus": "the overview of all verbs is amqpd's own",
    "rabbitmq-plugins enable bogus": "amqpd asks no node, and says only what is wrong",
    "rabbitmq-plugins set bogus": "the same",
    "rabbitmq-plugins is_enabled bogus": BUILT_IN,
    "rabbitmq-plugins directories": BUILT_IN,
    "rabbitmq-plugins directories --formatter json": BUILT_IN,
    "join_cluster other@localhost": NOT_THERE,
    "update_cluster_nodes other@localhost": NOT_THERE,
    "rabbitmq-diagnostics schema_info": NO_ERLANG,
    "rabbitmq-diagnostics erlang_cookie_hash": NO_ERLANG,
    "rabbitmq-diagnostics erlang_cookie_hash --formatter json": NO_ERLANG,
    "rabbitmq-diagnostics erlang_cookie_sources": NO_ERLANG,
    "rabbitmq-diagnostics erlang_cookie_sources --formatter json": NO_ERLANG,
    "rabbitmq-diagnostics os_env --formatter json": NO_ERLANG,
    "rabbitmq-diagnostics list_network_interfaces --formatter json": "addresses are an array, not one key many times",
}
"""Command lines whose texts differ, and why; the exit code is the same all the same."""
