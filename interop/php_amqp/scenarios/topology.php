<?php

// Exchanges of every type, bindings, and what a queue says when it is declared again.

declare(strict_types=1);

const ARGUMENTS = ['x-max-length' => 1000, 'x-message-ttl' => 60_000, 'x-dead-letter-exchange' => ''];
const COLOURS = ['x-match' => 'any', 'colour' => 'red', 'size' => 3];

function declare_bind(Session $session): void
{
    $connection = $session->connect();
    $channel = new AMQPChannel($connection);
    $channel->confirmSelect();
    $queue = declared($channel, $session->queue('bound'), AMQP_DURABLE, ARGUMENTS);
    bind_each_type($session, $queue);
    bind_exchange($session, $queue);
    count_and_purge($session, $queue);
    $queue->unbind("{$session->prefix}-direct", 'key');
    arrives_not($session, $queue, 'direct', 'key');
    $arguments = ['x-max-length' => 5] + ARGUMENTS;
    $otherwise = queue(new AMQPChannel($connection), $queue->getName(), AMQP_DURABLE, $arguments);
    closed_with(406, fn () => $otherwise->declareQueue(), 'x-max-length');
    $none = queue(new AMQPChannel($connection), "{$session->prefix}-none", AMQP_PASSIVE);
    closed_with(404, fn () => $none->declareQueue(), $none->getName());
    delete_everything($session, $queue);
}

function exchange(
    Session $session, AMQPChannel $channel, string $suffix, string $type, int $flags = AMQP_DURABLE
): AMQPExchange {
    $exchange = new AMQPExchange($channel);
    $exchange->setName($session->exchange($suffix));
    $exchange->setType($type);
    $exchange->setFlags($flags);
    $exchange->declareExchange();
    return $exchange;
}

function bind_each_type(Session $session, AMQPQueue $queue): void
{
    $bindings = ['direct' => ['key', []], 'fanout' => ['', []], 'topic' => ['a.*.#', []], 'headers' => ['', COLOURS]];
    foreach ($bindings as $type => [$key, $arguments]) {
        $queue->bind(exchange($session, $queue->getChannel(), $type, $type)->getName(), $key, $arguments);
    }
    arrives($session, $queue, 'direct', 'key');
    arrives_not($session, $queue, 'direct', 'other');
    arrives($session, $queue, 'fanout', 'any.thing');
    arrives($session, $queue, 'topic', 'a.b');
    arrives($session, $queue, 'topic', 'a.b.c.d');
    arrives_not($session, $queue, 'topic', 'a');
    arrives($session, $queue, 'headers', '', ['size' => 3]);
    arrives($session, $queue, 'headers', '', ['colour' => 'red', 'size' => 4]);
    arrives_not($session, $queue, 'headers', '', ['size' => '3']);
}

function bind_exchange(Session $session, AMQPQueue $queue): void
{
    $source = exchange($session, $queue->getChannel(), 'source', 'direct');
    $fanout = new AMQPExchange($queue->getChannel());
    $fanout->setName("{$session->prefix}-fanout");
    $fanout->bind($source->getName(), 'through');
    arrives($session, $queue, 'source', 'through');
    arrives_not($session, $queue, 'source', 'past');
    $fanout->unbind($source->getName(), 'through');
    arrives_not($session, $queue, 'source', 'through');
}

/** The extension does not tell how many messages a purge has removed. */
function count_and_purge(Session $session, AMQPQueue $queue): void
{
    foreach (['1', '2', '3'] as $body) {
        publish_through($session, $queue, 'direct', 'key', []);
    }
    same('message count', count_of($queue->getChannel(), $queue->getName()), 3);
    same('purged', $queue->purge(), true);
    same('message count after the purge', count_of($queue->getChannel(), $queue->getName()), 0);
}

function delete_everything(Session $session, AMQPQueue $queue): void
{
    $channel = $queue->getChannel();
    send($channel, $queue->getName(), 'left');
    settled($channel, 1);
    same('messages deleted', $queue->delete(), 1);
    foreach (['direct', 'fanout', 'topic', 'headers', 'source'] as $suffix) {
        (new AMQPExchange($channel))->delete("{$session->prefix}-$suffix");
    }
    closed_with(404, fn () => exchange($session, $channel, 'direct', 'direct', AMQP_PASSIVE));
}

function publish_through(Session $session, AMQPQueue $queue, string $suffix, string $key, array $headers): string
{
    $body = "$suffix $key " . json_encode($headers);
    $exchange = new AMQPExchange($queue->getChannel());
    $exchange->setName("{$session->prefix}-$suffix");
    $exchange->publish($body, $key, AMQP_NOPARAM, ['headers' => $headers]);
    settled($queue->getChannel(), 1);
    return $body;
}

function arrives(Session $session, AMQPQueue $queue, string $suffix, string $key, array $headers = []): void
{
    $body = publish_through($session, $queue, $suffix, $key, $headers);
    $message = $queue->get(AMQP_AUTOACK);
    truly("$body arrives", $message !== false);
    same('body', $message->getBody(), $body);
    same('exchange', $message->getExchangeName(), "{$session->prefix}-$suffix");
    same('routing key', $message->getRoutingKey(), $key);
}

function arrives_not(Session $session, AMQPQueue $queue, string $suffix, string $key, array $headers = []): void
{
    $body = publish_through($session, $queue, $suffix, $key, $headers);
    same("$body must not arrive", $queue->get(AMQP_AUTOACK), false);
}
