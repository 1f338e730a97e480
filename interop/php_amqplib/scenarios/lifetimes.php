<?php

// Queues and consumers that end with something else: a connection, a queue, a server.

declare(strict_types=1);

use PhpAmqpLib\Exception\AMQPBasicCancelException;
use PhpAmqpLib\Exception\AMQPConnectionClosedException;

function exclusive(Session $session): void
{
    $owner = $session->connect();
    $stranger = $session->connect();
    $channel = $owner->channel();
    [$name] = $channel->queue_declare('', false, false, true);
    truly("$name is a name of the server's", str_starts_with($name, 'amq.gen-'));
    send($channel, $name, 'mine');
    $inbox = new Inbox();
    $channel->basic_consume($name, '', false, true, false, false, $inbox);
    same('body', $inbox->next($channel)->getBody(), 'mine');
    closed_with(405, fn () => $stranger->channel()->queue_declare($name, true), $name);
    closed_with(405, fn () => $stranger->channel()->basic_consume($name), $name);
    closed_with(405, fn () => $stranger->channel()->basic_get($name), $name);
    $owner->close();
    closed_with(404, fn () => $stranger->channel()->queue_declare($name, true), $name);
    $channel = $stranger->channel();
    $only = declare_queue($channel, $session->queue('only-one'));
    $channel->basic_consume($only, '', false, false, true);
    closed_with(403, fn () => $stranger->channel()->basic_consume($only), $only);
}

function cancel(Session $session): void
{
    $channel = $session->channel();
    $name = declare_queue($channel, $session->queue('cancel'));
    $inbox = new Inbox();
    $tag = "{$session->prefix}-tag";
    same('consumer tag', $channel->basic_consume($name, $tag, false, true, false, false, $inbox), $tag);
    send($channel, $name, 'before');
    $message = $inbox->next($channel);
    same('body', $message->getBody(), 'before');
    same('its consumer tag', $message->getConsumerTag(), $tag);
    same('cancelled', $channel->basic_cancel($tag), $tag);
    send_all($channel, $name, ['after']);
    same('message count', count_of($channel, $name), 1);
    same('delivered', $inbox->messages, []);
    $tag = $channel->basic_consume($name, '', false, true, false, false, $inbox);
    truly("$tag is a tag of the server's", str_starts_with($tag, 'amq.ctag-'));
    same('body', $inbox->next($channel)->getBody(), 'after');
    $session->channel()->queue_delete($name);
    $error = raised('the consumer', AMQPBasicCancelException::class, fn () => $channel->wait(null, false, DEADLINE));
    same('the consumer that was cancelled', $error->getConsumerTag(), $tag);
}

function reconnect(Session $session): void
{
    $connection = $session->connect();
    $channel = $connection->channel();
    $name = declare_queue($channel, $session->queue('reconnect'), durable: true);
    $inbox = new Inbox();
    $channel->basic_consume($name, '', false, false, false, false, $inbox);
    send($channel, $name, 'before');
    $message = $inbox->next($channel);
    same('before', $message->getBody(), 'before');
    $message->ack();
    $channel->basic_qos(0, 1, false);  // its answer proves that the acknowledgement has arrived
    $session->ask('close-connections');
    $wait = fn () => $channel->wait(null, false, DEADLINE);
    $error = raised('the consumer', AMQPConnectionClosedException::class, $wait);
    same('reply code', $error->getCode(), 320);
    truly("the reason is told: {$error->getMessage()}", str_starts_with($error->getMessage(), 'CONNECTION_FORCED'));
    truly('the library knows that it is closed', !$connection->isConnected());
    $connection->reconnect();
    $channel = $connection->channel();
    $channel->basic_consume($name, '', false, false, false, false, $inbox);
    send($channel, $name, 'after');
    $message = $inbox->next($channel);
    same('after', $message->getBody(), 'after');
    $message->ack();
}
