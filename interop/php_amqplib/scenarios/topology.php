<?php

// Exchanges of every type, bindings, and what a queue says when it is declared again.

declare(strict_types=1);

use PhpAmqpLib\Channel\AMQPChannel;
use PhpAmqpLib\Message\AMQPMessage;

const ARGUMENTS = ['x-max-length' => 1000, 'x-message-ttl' => 60_000, 'x-dead-letter-exchange' => ''];
const COLOURS = ['x-match' => 'any', 'colour' => 'red', 'size' => 3];

function declare_bind(Session $session): void
{
    $connection = $session->connect();
    $channel = $connection->channel();
    $channel->confirm_select();
    $queue = declare_queue($channel, $session->queue('bound'), ARGUMENTS, durable: true);
    bind_each_type($session, $channel, $queue);
    bind_exchange($session, $channel, $queue);
    count_and_purge($session, $channel, $queue);
    $channel->queue_unbind($queue, "{$session->prefix}-direct", 'key');
    arrives_not($session, $channel, $queue, 'direct', 'key');
    $otherwise = ['x-max-length' => 5] + ARGUMENTS;
    closed_with(406, fn () => declare_queue($connection->channel(), $queue, $otherwise, durable: true), 'x-max-length');
    $none = "{$session->prefix}-none";
    closed_with(404, fn () => $connection->channel()->queue_declare($none, true), $none);
    delete_everything($session, $channel, $queue);
}

function declare_exchange(AMQPChannel $channel, string $name, string $type): string
{
    $channel->exchange_declare($name, $type, false, true, false);
    return $name;
}

function bind_each_type(Session $session, AMQPChannel $channel, string $queue): void
{
    $bindings = ['direct' => ['key', []], 'fanout' => ['', []], 'topic' => ['a.*.#', []], 'headers' => ['', COLOURS]];
    foreach ($bindings as $type => [$key, $arguments]) {
        $exchange = declare_exchange($channel, $session->exchange($type), $type);
        $channel->queue_bind($queue, $exchange, $key, false, typed_table($arguments));
    }
    arrives($session, $channel, $queue, 'direct', 'key');
    arrives_not($session, $channel, $queue, 'direct', 'other');
    arrives($session, $channel, $queue, 'fanout', 'any.thing');
    arrives($session, $channel, $queue, 'topic', 'a.b');
    arrives($session, $channel, $queue, 'topic', 'a.b.c.d');
    arrives_not($session, $channel, $queue, 'topic', 'a');
    arrives($session, $channel, $queue, 'headers', '', ['size' => 3]);
    arrives($session, $channel, $queue, 'headers', '', ['colour' => 'red', 'size' => 4]);
    arrives_not($session, $channel, $queue, 'headers', '', ['size' => '3']);
}

function bind_exchange(Session $session, AMQPChannel $channel, string $queue): void
{
    $source = declare_exchange($channel, $session->exchange('source'), 'direct');
    $channel->exchange_bind("{$session->prefix}-fanout", $source, 'through');
    arrives($session, $channel, $queue, 'source', 'through');
    arrives_not($session, $channel, $queue, 'source', 'past');
    $channel->exchange_unbind("{$session->prefix}-fanout", $source, 'through');
    arrives_not($session, $channel, $queue, 'source', 'through');
}

function count_and_purge(Session $session, AMQPChannel $channel, string $queue): void
{
    foreach (['1', '2', '3'] as $body) {
        $channel->basic_publish(new AMQPMessage($body), "{$session->prefix}-direct", 'key');
    }
    $channel->wait_for_pending_acks(DEADLINE);
    same('message count', count_of($channel, $queue), 3);
    same('purged', $channel->queue_purge($queue), 3);
    same('message count after the purge', count_of($channel, $queue), 0);
}

function delete_everything(Session $session, AMQPChannel $channel, string $queue): void
{
    send($channel, $queue, 'left');
    $channel->wait_for_pending_acks(DEADLINE);
    same('messages deleted', $channel->queue_delete($queue), 1);
    foreach (['direct', 'fanout', 'topic', 'headers', 'source'] as $type) {
        $channel->exchange_delete("{$session->prefix}-$type");
    }
    closed_with(404, fn () => $channel->exchange_declare("{$session->prefix}-direct", 'direct', true));
}

function publish_through(Session $session, AMQPChannel $channel, string $exchange, string $key, array $headers): string
{
    $body = "$exchange $key " . json_encode($headers);
    $message = new AMQPMessage($body, ['application_headers' => typed_table($headers)]);
    $channel->basic_publish($message, "{$session->prefix}-$exchange", $key);
    $channel->wait_for_pending_acks(DEADLINE);
    return $body;
}

function arrives(
    Session $session, AMQPChannel $channel, string $queue, string $exchange, string $key, array $headers = []
): void {
    $body = publish_through($session, $channel, $exchange, $key, $headers);
    $message = $channel->basic_get($queue, true);
    truly("$body arrives", $message !== null);
    same('body', $message->getBody(), $body);
    same('exchange', $message->getExchange(), "{$session->prefix}-$exchange");
    same('routing key', $message->getRoutingKey(), $key);
}

function arrives_not(
    Session $session, AMQPChannel $channel, string $queue, string $exchange, string $key, array $headers = []
): void {
    $body = publish_through($session, $channel, $exchange, $key, $headers);
    same("$body must not arrive", $channel->basic_get($queue, true)?->getBody(), null);
}
