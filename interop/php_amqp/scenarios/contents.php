<?php

// Properties, headers and bodies, there and back.

declare(strict_types=1);

/** All that the extension sends; it has no way to give a cluster-id. */
const PROPERTIES = [
    'content_type' => 'application/octet-stream', 'content_encoding' => 'identity', 'headers' => ['one' => 1],
    'delivery_mode' => 2, 'priority' => 5, 'correlation_id' => 'correlated', 'reply_to' => 'replies',
    'expiration' => '60000', 'message_id' => 'message 1', 'timestamp' => 1_700_000_001, 'type' => 'event',
    'user_id' => 'guest', 'app_id' => 'interop',
];
/** It always sends a content type and a delivery mode; an absent property reads as its type's zero. */
const ALWAYS = [
    'content_type' => 'text/plain', 'content_encoding' => '', 'headers' => [], 'delivery_mode' => 1, 'priority' => 0,
    'correlation_id' => '', 'reply_to' => '', 'expiration' => '', 'message_id' => '', 'timestamp' => 0, 'type' => '',
    'user_id' => '', 'app_id' => '',
];
const UTF8 = 'Grüße, 世界 🌍';
const LARGE = 10_485_760;

/** What a header's value can be. In both directions the extension drops list items that are no text and no table. */
const VALUES = [
    'true' => true, 'false' => false, 'nothing' => null, 'zero' => 0, 'minus one' => -1,
    'lowest' => PHP_INT_MIN, 'highest' => PHP_INT_MAX, 'double' => 0.1, 'large double' => -1.5e300,
    'text' => 'Grüße, 世界', 'empty text' => '', 'octets' => "\x00\xff\x80",
    'array' => ['one', ['in' => ['table', ['deep' => 'er']]], 'two'],
    'table' => ['nothing' => null, 'array' => [['table' => ['in' => -1]]], 'schlüssel' => 'wärt'],
    'empty array' => [],
];

function properties_of(AMQPBasicProperties $message): array
{
    $properties = [];
    foreach (array_keys(ALWAYS) as $name) {
        $properties[$name] = $message->{'get' . str_replace('_', '', ucwords($name, '_'))}();
    }
    return $properties;
}

function publish_consume(Session $session): void
{
    $connection = $session->connect();
    $channel = new AMQPChannel($connection);
    $queue = declared($channel, $session->queue('contents'));
    $octets = substr(str_repeat(implode('', array_map('chr', range(0, 255))), 4), 0, 1000);
    $headers = ['headers' => ['schlüssel' => 'wärt']];
    send($channel, $queue->getName(), $octets, PROPERTIES);
    send($channel, $queue->getName(), '');
    send($channel, $queue->getName(), UTF8, $headers);
    [$first, $second, $third] = consumed($queue, 3);
    arrived($first, $octets, PROPERTIES, $queue, 1);
    arrived($second, false, ALWAYS, $queue, 2);  // how the extension shows an empty body
    arrived($third, UTF8, $headers + ALWAYS, $queue, 3);
    $queue->ack(3, AMQP_MULTIPLE);
    $channel->close();  // what was not acknowledged goes back into the queue
    same('message count', count_of(new AMQPChannel($connection), $queue->getName()), 0);
}

function arrived(AMQPEnvelope $message, string|false $body, array $properties, AMQPQueue $queue, int $tag): void
{
    same('body', $message->getBody(), $body);
    $actual = properties_of($message);
    ksort($properties);
    ksort($actual);
    same('properties', $actual, $properties);
    same('exchange', $message->getExchangeName(), '');
    same('routing key', $message->getRoutingKey(), $queue->getName());
    same('redelivered', $message->isRedelivery(), false);
    same('delivery tag', $message->getDeliveryTag(), $tag);
}

function header_types(Session $session): void
{
    $channel = $session->channel();
    $queue = declared($channel, $session->queue('types'));
    $numbers = ['timestamp' => new AMQPTimestamp(1_700_000_000), 'decimal' => new AMQPDecimal(2, 31_416)];
    $long = ['long text' => str_repeat('x', 70_000), str_repeat('k', 255) => 'the longest key'];
    send($channel, $queue->getName(), '', ['headers' => VALUES + $numbers + $long]);
    same_headers($queue->get(AMQP_AUTOACK)->getHeaders(),
        VALUES + ['timestamp' => ['T', '1700000000'], 'decimal' => ['D', 2, 31_416]] + $long);

    $message = queue($channel, "{$session->prefix}-headers")->get(AMQP_AUTOACK);
    truly('the runner has put a message into its queue', $message !== false);
    same('body', $message->getBody(), 'every type');
    same_headers($message->getHeaders(), listed(HeaderList::entries()));
}

function same_headers(array $actual, array $expected): void
{
    same('names', array_keys($actual), array_keys($expected));
    foreach ($expected as $name => $value) {
        same((string) $name, comparable($actual[$name]), $value);
    }
}

/** Objects by what they say. */
function comparable(mixed $value): mixed
{
    return match (true) {
        $value instanceof AMQPTimestamp => ['T', $value->getTimestamp()],
        $value instanceof AMQPDecimal => ['D', $value->getExponent(), $value->getSignificand()],
        is_array($value) => array_map(comparable(...), $value),
        default => $value,
    };
}

/** Entries of headers.toml as the extension shows them: octets as text, integers without width, lists shorter. */
function listed(array $entries): array
{
    $values = [];
    foreach ($entries as $entry) {
        if (!isset($entry['name']) && !in_array($entry['tag'], ['S', 'F'], true)) {
            continue;
        }
        $value = match ($entry['tag']) {
            'A', 'F' => listed($entry['value']),
            'T' => ['T', (string) $entry['value']],
            'D' => ['D', strlen(explode('.', $entry['value'] . '.')[1]), (int) str_replace('.', '', $entry['value'])],
            'x' => hex2bin($entry['value']),
            'V' => null,
            default => $entry['value'],
        };
        isset($entry['name']) ? $values[$entry['name']] = $value : $values[] = $value;
    }
    return $values;
}

function large_message(Session $session): void
{
    $channel = $session->channel();
    $queue = declared($channel, $session->queue('large'));
    $bodies = [random_bytes(LARGE), random_bytes(LARGE)];
    foreach ($bodies as $body) {
        send($channel, $queue->getName(), $body);
    }
    foreach (consumed($queue, 2) as $number => $message) {
        same('size', strlen($message->getBody()), LARGE);
        truly('every octet is the same', $message->getBody() === $bodies[$number]);
        $queue->ack($message->getDeliveryTag());
    }
}
