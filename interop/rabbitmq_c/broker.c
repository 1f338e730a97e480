#include "broker.h"

#include <amqp_tcp_socket.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "expect.h"
#include "fields.h"

const char *variable(const char *name) {
  const char *value = getenv(name);
  if (value == NULL || *value == '\0') fail("the environment variable %s is not set", name);
  return value;
}

static char *copy(const char *string) {
  char *copied = malloc(strlen(string) + 1);
  if (copied == NULL) fail("out of memory");
  return strcpy(copied, string);
}

amqp_bytes_t name(const char *suffix) {
  const char *prefix = variable("INTEROP_PREFIX");
  size_t size = strlen(prefix) + strlen(suffix) + 2;
  char *whole = malloc(size);
  if (whole == NULL) fail("out of memory");
  snprintf(whole, size, "%s-%s", prefix, suffix);
  return text(whole);
}

void ask(const char *request) {
  char answer[64];
  printf("@ %s\n", request);
  fflush(stdout);
  if (fgets(answer, sizeof answer, stdin) == NULL) fail("the runner did not answer '%s'", request);
  expect_text("done\n", text(answer), "the runner's answer");
}

/* -- connections -- */

amqp_rpc_reply_t log_in_by(connection_t connection, amqp_socket_t *socket, const char *url, struct options options) {
  struct amqp_connection_info where;
  amqp_default_connection_info(&where);
  if (amqp_parse_url(copy(url), &where) != AMQP_STATUS_OK) fail("not an AMQP URL: %s", url);
  struct timeval limit = {LIMIT_SECONDS, 0};
  int status = amqp_socket_open_noblock(socket, where.host, where.port, &limit);
  if (status != AMQP_STATUS_OK) {
    amqp_rpc_reply_t reply = {.reply_type = AMQP_RESPONSE_LIBRARY_EXCEPTION, .library_error = status};
    return reply;
  }
  /* The library reports what it has been told to ask for; the other capabilities are its own. */
  field_t capabilities[] = {field("consumer_cancel_notify", boolean(1)), field("connection.blocked", boolean(1))};
  field_t entries[] = {field("connection_name", string(variable("INTEROP_PREFIX"))),
                       field("capabilities", table(TABLE(capabilities)))};
  amqp_table_t properties = TABLE(entries);
  if (amqp_set_rpc_timeout(connection, &limit) != AMQP_STATUS_OK) fail("no RPC timeout");
  return amqp_login_with_properties(connection, options.vhost ? options.vhost : where.vhost, options.channel_max,
                                    options.frame_max, options.heartbeat, &properties, AMQP_SASL_METHOD_PLAIN,
                                    where.user, options.password ? options.password : where.password);
}

amqp_rpc_reply_t log_in(connection_t *connection, struct options options) {
  *connection = amqp_new_connection();
  amqp_socket_t *socket = amqp_tcp_socket_new(*connection);
  if (socket == NULL) fail("out of memory");
  if (options.frame_max == 0) options.frame_max = AMQP_DEFAULT_FRAME_SIZE;
  return log_in_by(*connection, socket, variable("AMQP_URL"), options);
}

connection_t connected(void) {
  connection_t connection;
  amqp_rpc_reply_t reply = log_in(&connection, (struct options){.heartbeat = 0});
  if (reply.reply_type != AMQP_RESPONSE_NORMAL) fail("no login: %s", amqp_error_string2(reply.library_error));
  open_channel(connection, CHANNEL);
  return connection;
}

void disconnect(connection_t connection) {
  amqp_rpc_reply_t reply = amqp_connection_close(connection, AMQP_REPLY_SUCCESS);
  expect(reply.reply_type == AMQP_RESPONSE_NORMAL, "connection.close is answered");
  amqp_destroy_connection(connection);
}

void open_channel(connection_t connection, amqp_channel_t channel) {
  amqp_channel_open(connection, channel);
  expect_ok(connection, "channel.open");
}

void close_channel(connection_t connection, amqp_channel_t channel) {
  amqp_rpc_reply_t reply = amqp_channel_close(connection, channel, AMQP_REPLY_SUCCESS);
  expect(reply.reply_type == AMQP_RESPONSE_NORMAL, "channel.close is answered");
}

/* -- replies -- */

/* The code and text of a close; 0 if the reply is none. */
static int close_of(amqp_rpc_reply_t reply, amqp_bytes_t *reason) {
  if (reply.reply_type != AMQP_RESPONSE_SERVER_EXCEPTION) return 0;
  if (reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD) {
    amqp_channel_close_t *close = reply.reply.decoded;
    *reason = close->reply_text;
    return close->reply_code;
  }
  if (reply.reply.id == AMQP_CONNECTION_CLOSE_METHOD) {
    amqp_connection_close_t *close = reply.reply.decoded;
    *reason = close->reply_text;
    return close->reply_code;
  }
  return 0;
}

void expect_ok(connection_t connection, const char *what) {
  amqp_rpc_reply_t reply = amqp_get_rpc_reply(connection);
  amqp_bytes_t reason;
  int code = close_of(reply, &reason);
  if (code != 0) fail("%s: closed with %d '%.*s'", what, code, (int)reason.len, (char *)reason.bytes);
  if (reply.reply_type != AMQP_RESPONSE_NORMAL) fail("%s: %s", what, amqp_error_string2(reply.library_error));
}

void expect_close(amqp_rpc_reply_t reply, int code, const char *prefix) {
  amqp_bytes_t reason;
  int actual = close_of(reply, &reason);
  if (actual == 0)
    fail("expected a close with %d %s, got reply type %d (%s)", code, prefix, reply.reply_type,
         amqp_error_string2(reply.library_error));
  expect_prefix(prefix, reason, "reply text");
  expect_number(code, actual, "reply code");
}

void expect_channel_close(connection_t connection, amqp_channel_t channel, int code, const char *prefix) {
  amqp_rpc_reply_t reply = amqp_get_rpc_reply(connection);
  expect_close(reply, code, prefix);
  expect(reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD, "it is the channel that is closed");
  amqp_channel_close_ok_t ok = {0};
  expect(amqp_send_method(connection, channel, AMQP_CHANNEL_CLOSE_OK_METHOD, &ok) == AMQP_STATUS_OK, "close-ok");
  open_channel(connection, channel);
}
