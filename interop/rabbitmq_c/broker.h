/* The broker under test, as the environment names it: connections, channels, what it answers. */
#ifndef BROKER_H
#define BROKER_H

#include <amqp.h>

enum { CHANNEL = 1, OTHER_CHANNEL = 2, LIMIT_SECONDS = 20 };

typedef amqp_connection_state_t connection_t;

struct options {
  int channel_max;
  int frame_max;
  int heartbeat;
  const char *vhost;    /* NULL: that of the URL */
  const char *password; /* NULL: that of the URL */
};

/* The value of an environment variable that must be set. */
const char *variable(const char *name);
/* INTEROP_PREFIX-suffix; it lives as long as the process. */
amqp_bytes_t name(const char *suffix);
/* Ask the runner, which alone can do things to the broker; return when it is done. */
void ask(const char *request);

/* A logged-in connection with one open channel, CHANNEL. */
connection_t connected(void);
/* A connection that is not logged in, and the answer to the login. */
amqp_rpc_reply_t log_in(connection_t *connection, struct options options);
amqp_rpc_reply_t log_in_by(connection_t connection, amqp_socket_t *socket, const char *url, struct options options);
/* Close in order and forget. */
void disconnect(connection_t connection);

void open_channel(connection_t connection, amqp_channel_t channel);
void close_channel(connection_t connection, amqp_channel_t channel);

/* The last call of the connection was answered as it should be. */
void expect_ok(connection_t connection, const char *what);
/* The reply is the broker's close of the channel or connection, with this code and text. */
void expect_close(amqp_rpc_reply_t reply, int code, const char *prefix);
/* The last call had the channel closed; the close is answered and the channel open anew. */
void expect_channel_close(connection_t connection, amqp_channel_t channel, int code, const char *prefix);

#endif
