<?php

// What publishers hear: confirms, returns, and what a transaction holds back.

declare(strict_types=1);

function confirms(Session $session): void
{
    $channel = $session->channel();
    $name = $session->queue('confirms');
    declared($channel, $name);
    $full = $session->queue('full');
    declared($channel, $full, AMQP_NOPARAM, ['x-max-length' => 0, 'x-overflow' => 'reject-publish']);
    send_all($channel, $name, array_map('strval', range(1, 200)));
    same('message count', count_of($channel, $name), 200);
    send($channel, $full, 'too much');
    same('settled', settled($channel, 1, 201), ['nack 201']);
}

function mandatory(Session $session): void
{
    $channel = $session->channel();
    $name = $session->queue('mandatory');
    declared($channel, $name);
    $returned = [];
    $channel->setReturnCallback(
        function (int $code, string $text, string $exchange, string $key, AMQPBasicProperties $properties, string $body)
        use (&$returned): bool {
            $returned[] = [$code, $text, $exchange, $key, properties_of($properties), $body];
            return true;
        }
    );
    $channel->confirmSelect();
    $unrouted = "{$session->prefix}-nowhere";
    send($channel, $unrouted, 'back', PROPERTIES, AMQP_MANDATORY);
    same('settled', settled($channel, 1), ['ack 1']);
    same('returned', $returned, [[312, 'NO_ROUTE', '', $unrouted, PROPERTIES, 'back']]);
    send($channel, $name, 'through', [], AMQP_MANDATORY);
    same('settled', settled($channel, 1, 2), ['ack 2']);
    same('message count', count_of($channel, $name), 1);
    same('returned', count($returned), 1);
}

function transactions(Session $session): void
{
    $connection = $session->connect();
    $channel = new AMQPChannel($connection);
    $other = new AMQPChannel($connection);
    $name = $session->queue('transactions');
    declared($channel, $name);
    $channel->startTransaction();
    send($channel, $name, '1');
    send($channel, $name, '2');
    same('before the rollback', count_of($other, $name), 0);
    $channel->rollbackTransaction();
    $channel->commitTransaction();
    same('after the rollback', count_of($other, $name), 0);
    send($channel, $name, '1');
    send($channel, $name, '2');
    $channel->commitTransaction();
    same('after the commit', count_of($other, $name), 2);
    acknowledge_first($channel, $name);
    $channel->rollbackTransaction();
    $channel->close();
    same('after the rolled back ack', count_of($other, $name), 2);
    $channel = new AMQPChannel($connection);
    $channel->startTransaction();
    acknowledge_first($channel, $name);
    $channel->commitTransaction();
    $channel->close();
    same('after the committed ack', count_of($other, $name), 1);
    same('what is left', queue($other, $name)->get(AMQP_AUTOACK)->getBody(), '2');
}

function acknowledge_first(AMQPChannel $channel, string $name): void
{
    $queue = queue($channel, $name);
    $message = $queue->get();
    same('first', $message->getBody(), '1');
    $queue->ack($message->getDeliveryTag());
}
