/* Queues, messages in and out; every wait has a deadline. */
#ifndef MESSAGES_H
#define MESSAGES_H

#include <amqp.h>
#include <amqp_framing.h>

#include "broker.h"

void declare_queue(connection_t connection, amqp_bytes_t queue, amqp_table_t arguments);
/* Declare passively; return the answer. */
amqp_queue_declare_ok_t see_queue(connection_t connection, amqp_bytes_t queue);
/* Delete; return how many messages it had. */
int delete_queue(connection_t connection, amqp_bytes_t queue);

void publish(connection_t connection, const char *exchange, amqp_bytes_t key, const amqp_basic_properties_t *properties,
             amqp_bytes_t body);
/* The same without properties, through the default exchange. */
void send_text(connection_t connection, amqp_bytes_t queue, const char *body);
/* Make the channel confirm; wait until a number of further messages are acknowledged. */
void select_confirms(connection_t connection);
void await_acks(connection_t connection, int count);

/* Return the consumer's tag; an empty tag lets the broker choose. */
amqp_bytes_t consume(connection_t connection, amqp_bytes_t queue, amqp_bytes_t tag, int no_ack);
amqp_envelope_t next_delivery(connection_t connection);
void expect_no_delivery(connection_t connection);
void ack(connection_t connection, uint64_t tag, int multiple);
/* The next frame that is a method: its channel and what it says. */
amqp_frame_t next_method(connection_t connection, amqp_method_number_t method);

struct got {
  amqp_basic_get_ok_t answer;
  amqp_message_t message;
};
/* Get a message that must be there. */
struct got get_message(connection_t connection, amqp_bytes_t queue, int no_ack);
void expect_empty(connection_t connection, amqp_bytes_t queue);

#endif
