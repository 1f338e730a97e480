<?php

// Queues and consumers that end with something else: a connection, a server.

declare(strict_types=1);

function exclusive(Session $session): void
{
    $owner = $session->connect();
    $stranger = $session->connect();
    $channel = new AMQPChannel($owner);
    $queue = new AMQPQueue($channel);
    $queue->setFlags(AMQP_EXCLUSIVE);
    $queue->declareQueue();
    $name = $queue->getName();
    truly("$name is a name of the server's", str_starts_with($name, 'amq.gen-'));
    send($channel, $name, 'mine');
    same('body', consumed($queue, 1, AMQP_AUTOACK)[0]->getBody(), 'mine');
    closed_with(405, fn () => count_of(new AMQPChannel($stranger), $name), $name);
    closed_with(405, fn () => queue(new AMQPChannel($stranger), $name)->consume(null), $name);
    closed_with(405, fn () => queue(new AMQPChannel($stranger), $name)->get(), $name);
    $owner->disconnect();
    closed_with(404, fn () => count_of(new AMQPChannel($stranger), $name), $name);
    $only = declared(new AMQPChannel($stranger), $session->queue('only-one'));
    $only->setFlags(AMQP_EXCLUSIVE);  // the flag that consume() looks at is the queue's
    $only->consume(null);
    closed_with(403, fn () => queue(new AMQPChannel($stranger), $only->getName())->consume(null), $only->getName());
}

function reconnect(Session $session): void
{
    $connection = $session->connect();
    $channel = new AMQPChannel($connection);
    $queue = declared($channel, $session->queue('reconnect'), AMQP_DURABLE);
    send($channel, $queue->getName(), 'before');
    [$message] = consumed($queue, 1);
    $queue->ack(got($message, 'before', false));
    $channel->qos(0, 1);  // its answer proves that the acknowledgement has arrived
    $session->ask('close-connections');
    // a consumer would be told of a "channel mismatch" only
    closed_with(320, fn () => count_of($channel, $queue->getName()), 'CONNECTION_FORCED');
    truly('the extension knows that it is closed', !$connection->isConnected());
    truly('it connects again', $connection->reconnect());
    $channel = new AMQPChannel($connection);
    $queue = queue($channel, $queue->getName());
    send($channel, $queue->getName(), 'after');
    [$message] = consumed($queue, 1);
    $queue->ack(got($message, 'after', false));
}
