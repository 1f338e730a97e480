<?php

// Properties and bodies, there and back.

declare(strict_types=1);

use PhpAmqpLib\Channel\AMQPChannel;
use PhpAmqpLib\Message\AMQPMessage;
use PhpAmqpLib\Wire\AMQPAbstractCollection as T;

const PROPERTIES = [
    'content_type' => 'application/octet-stream', 'content_encoding' => 'identity',
    'application_headers' => ['one' => [T::T_INT_LONG, 1]], 'delivery_mode' => 2, 'priority' => 5,
    'correlation_id' => 'correlated', 'reply_to' => 'replies', 'expiration' => '60000', 'message_id' => 'message 1',
    'timestamp' => 1_700_000_001, 'type' => 'event', 'user_id' => 'guest', 'app_id' => 'interop',
    'cluster_id' => 'cluster',
];
const UTF8 = 'Grüße, 世界 🌍';
const LARGE = 10_485_760;

/** Properties as the library takes them. */
function with_table(array $properties): array
{
    if (isset($properties['application_headers'])) {
        $properties['application_headers'] = typed_table($properties['application_headers']);
    }
    return $properties;
}

/** The message's properties, its headers typed; what is absent is not there. */
function properties_of(AMQPMessage $message): array
{
    $properties = $message->get_properties();
    if (isset($properties['application_headers'])) {
        $properties['application_headers'] = typed_fields($properties['application_headers']);
    }
    return $properties;
}

function publish_consume(Session $session): void
{
    $channel = $session->channel();
    $name = declare_queue($channel, $session->queue('contents'));
    $octets = substr(str_repeat(implode('', array_map('chr', range(0, 255))), 4), 0, 1000);
    $headers = ['application_headers' => ['schlüssel' => [T::T_STRING_LONG, 'wärt']]];
    send($channel, $name, $octets, with_table(PROPERTIES));
    send($channel, $name, '');
    send($channel, $name, UTF8, with_table($headers));
    $inbox = new Inbox();
    $channel->basic_consume($name, '', false, false, false, false, $inbox);
    arrived($inbox->next($channel), $octets, PROPERTIES, $name, 1);
    arrived($inbox->next($channel), '', [], $name, 2);
    $last = $inbox->next($channel);
    arrived($last, UTF8, $headers, $name, 3);
    $last->ack(true);
    $connection = $channel->getConnection();
    $channel->close();  // what was not acknowledged goes back into the queue
    same('message count', count_of($connection->channel(), $name), 0);
}

function arrived(AMQPMessage $message, string $body, array $properties, string $key, int $tag): void
{
    same('body', $message->getBody(), $body);
    same('properties', properties_of($message), $properties);
    same('exchange', $message->getExchange(), '');
    same('routing key', $message->getRoutingKey(), $key);
    same('redelivered', $message->isRedelivered(), false);
    same('delivery tag', $message->getDeliveryTag(), $tag);
}

function large_message(Session $session): void
{
    $channel = $session->channel();
    $name = declare_queue($channel, $session->queue('large'));
    $bodies = [random_bytes(LARGE), random_bytes(LARGE)];
    foreach ($bodies as $body) {
        send($channel, $name, $body);
    }
    $inbox = new Inbox();
    $channel->basic_consume($name, '', false, false, false, false, $inbox);
    foreach ($bodies as $body) {
        $message = $inbox->next($channel);
        same('size', $message->getBodySize(), LARGE);
        truly('every octet is the same', $message->getBody() === $body);
        $message->ack();
    }
}
