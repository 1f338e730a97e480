/* Making a connection: its options, its heartbeats, TLS. */
#include <amqp_ssl_socket.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#include "contents.h"
#include "expect.h"
#include "messages.h"
#include "scenarios.h"

void connect_options(void) {
  connection_t connection;
  struct options options = {.channel_max = 100, .frame_max = 65536, .heartbeat = 30};
  amqp_rpc_reply_t reply = log_in(&connection, options);
  expect(reply.reply_type == AMQP_RESPONSE_NORMAL, "the login is accepted");
  expect_number(30, amqp_get_heartbeat(connection), "heartbeat");
  expect_number(65536, amqp_get_frame_max(connection), "frame-max");
  expect_number(100, amqp_get_channel_max(connection), "channel-max");

  amqp_bytes_t queue = name("options");
  open_channel(connection, CHANNEL);
  open_channel(connection, OTHER_CHANNEL);
  amqp_queue_declare(connection, OTHER_CHANNEL, queue, 0, 0, 0, 0, amqp_empty_table);
  expect_ok(connection, "queue.declare on the other channel");
  see_queue(connection, queue);
  delete_queue(connection, queue);
  close_channel(connection, OTHER_CHANNEL);
  close_channel(connection, CHANNEL);
  disconnect(connection);

  connection_t refused;
  reply = log_in(&refused, (struct options){.password = "wrong"});
  expect_close(reply, 403, "ACCESS_REFUSED - Login was refused");
  amqp_destroy_connection(refused);
  reply = log_in(&refused, (struct options){.vhost = name("missing").bytes});
  expect_close(reply, 530, "NOT_ALLOWED - vhost");
  amqp_destroy_connection(refused);
}

void heartbeats(void) {
  connection_t connection;
  amqp_rpc_reply_t reply = log_in(&connection, (struct options){.heartbeat = 1});
  expect(reply.reply_type == AMQP_RESPONSE_NORMAL, "the login is accepted");
  expect_number(1, amqp_get_heartbeat(connection), "heartbeat");
  open_channel(connection, CHANNEL);
  /* The library sends and checks heartbeats while it waits for a frame, and only then. */
  amqp_frame_t frame;
  struct timeval idle = {4, 0};
  int status = amqp_simple_wait_frame_noblock(connection, &frame, &idle);
  expect_number(AMQP_STATUS_TIMEOUT, status, "what comes to an idle connection");
  amqp_bytes_t queue = name("idle");
  declare_queue(connection, queue, amqp_empty_table);
  delete_queue(connection, queue);
  disconnect(connection);
}

static amqp_rpc_reply_t log_in_by_tls(connection_t *connection, const char *authority) {
  *connection = amqp_new_connection();
  amqp_socket_t *socket = amqp_ssl_socket_new(*connection);
  if (socket == NULL) fail("no TLS socket");
  amqp_ssl_socket_set_verify_peer(socket, 1);
  amqp_ssl_socket_set_verify_hostname(socket, 1);
  if (authority != NULL)
    expect(amqp_ssl_socket_set_cacert(socket, authority) == AMQP_STATUS_OK, "the authority is accepted");
  struct options options = {.frame_max = AMQP_DEFAULT_FRAME_SIZE};
  return log_in_by(*connection, socket, variable("AMQPS_URL"), options);
}

void tls(void) {
  connection_t connection;
  amqp_rpc_reply_t reply = log_in_by_tls(&connection, variable("AMQP_CA_FILE"));
  if (reply.reply_type != AMQP_RESPONSE_NORMAL) fail("no login: %s", amqp_error_string2(reply.library_error));
  open_channel(connection, CHANNEL);
  amqp_bytes_t queue = name("tls");
  amqp_bytes_t body = pattern(100000, 7);
  declare_queue(connection, queue, amqp_empty_table);
  publish(connection, "", queue, NULL, body);
  expect_bytes(body, get_message(connection, queue, 1).message.body, "body");
  delete_queue(connection, queue);
  disconnect(connection);

  connection_t refused;
  reply = log_in_by_tls(&refused, NULL);
  expect_number(AMQP_RESPONSE_LIBRARY_EXCEPTION, reply.reply_type, "reply type without the authority");
  expect_number(AMQP_STATUS_SSL_PEER_VERIFY_FAILED, reply.library_error, "what the client says without the authority");
  amqp_destroy_connection(refused);
}
