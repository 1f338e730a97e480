<?php

// Getting, settling, prefetch and replies.

declare(strict_types=1);

use PhpAmqpLib\Channel\AMQPChannel;
use PhpAmqpLib\Message\AMQPMessage;
use PhpAmqpLib\Wire\AMQPAbstractCollection as T;

function get(Session $session): void
{
    $connection = $session->connect();
    $channel = $connection->channel();
    $name = declare_queue($channel, $session->queue('get'));
    same('from an empty queue', $channel->basic_get($name), null);
    send_all($channel, $name, ['1', '2', '3']);
    $first = $channel->basic_get($name);
    got($first, '1', false);
    same('message count', $first->getMessageCount(), 2);
    $first->ack();
    got($channel->basic_get($name, true), '2', false);
    $third = $channel->basic_get($name);
    got($third, '3', false);
    same('message count', $third->getMessageCount(), 0);
    $channel->close();
    $channel = $connection->channel();
    $third = $channel->basic_get($name);
    got($third, '3', true);
    $third->ack();
    same('at the end', $channel->basic_get($name), null);
}

function got(?AMQPMessage $message, string $body, bool $redelivered): void
{
    same('body', $message?->getBody(), $body);
    same('redelivered', $message->isRedelivered(), $redelivered);
}

function requeue(Session $session): void
{
    $connection = $session->connect();
    $channel = $connection->channel();
    $dead = declare_queue($channel, $session->queue('dead'));
    $name = declare_queue($channel, $session->queue('requeue'),
        ['x-dead-letter-exchange' => '', 'x-dead-letter-routing-key' => $dead]);
    send_all($channel, $name, ['1', '2', '3', '4', '5']);
    $channel->basic_qos(0, 5, false);
    $inbox = new Inbox();
    $channel->basic_consume($name, '', false, false, false, false, $inbox);
    $held = [];
    foreach (['1', '2', '3', '4', '5'] as $body) {
        $held[$body] = $inbox->next($channel);
        got($held[$body], $body, false);
    }
    $held[1]->reject(false);
    $held[2]->nack(false);
    $held[4]->nack(true);
    $held[5]->ack();
    $held[3]->reject(true);
    $again = [$inbox->next($channel), $inbox->next($channel)];
    $last = $again[1];
    usort($again, fn (AMQPMessage $one, AMQPMessage $other) => $one->getBody() <=> $other->getBody());
    got($again[0], '3', true);
    got($again[1], '4', true);
    $last->ack(true);
    $channel->close();
    $channel = $connection->channel();
    same('left', count_of($channel, $name), 0);
    dead_lettered($channel, $name, $dead);
}

function dead_lettered(AMQPChannel $channel, string $name, string $dead): void
{
    $inbox = new Inbox();
    $channel->basic_consume($dead, '', false, true, false, false, $inbox);
    foreach (['1', '2'] as $body) {
        $message = $inbox->next($channel);
        got($message, $body, false);
        same('its routing key', $message->getRoutingKey(), $dead);
        [$type, $deaths] = typed_fields($message->get('application_headers'))['x-death'];
        same('type of x-death', $type, T::T_ARRAY);
        same('deaths', count($deaths), 1);
        [$type, $death] = $deaths[0];
        same('type of a death', $type, T::T_TABLE);
        [$type, $time] = $death['time'];
        same('type of its time', $type, T::T_TIMESTAMP);
        truly("$time is now", abs(time() - $time) < 3600);
        unset($death['time']);
        ksort($death);
        same('death', $death, [
            'count' => [T::T_INT_LONGLONG, 1], 'exchange' => [T::T_STRING_LONG, ''],
            'queue' => [T::T_STRING_LONG, $name], 'reason' => [T::T_STRING_LONG, 'rejected'],
            'routing-keys' => [T::T_ARRAY, [[T::T_STRING_LONG, $name]]],
        ]);
    }
}

function prefetch(Session $session): void
{
    $channel = $session->channel();
    $name = declare_queue($channel, $session->queue('prefetch'));
    send_all($channel, $name, array_map('strval', range(1, 10)));
    $channel->basic_qos(0, 3, false);
    $inbox = new Inbox();
    $channel->basic_consume($name, '', false, false, false, false, $inbox);
    $held = [];
    for ($number = 1; $number <= 10; $number++) {
        $held[] = $inbox->next($channel);
        got(end($held), (string) $number, false);
        if ($number < 3) {
            continue;
        }
        same('ready while three are held', count_of($channel, $name), 10 - $number);
        truly('nothing is on its way', !$channel->hasPendingMethods() && $inbox->messages === []);
        array_shift($held)->ack();
    }
    end($held)->ack(true);
}

function reply_to(Session $session): void
{
    $requester = $session->channel();
    $responder = $session->channel();
    $requests = declare_queue($responder, $session->queue('requests'));
    $served = new Inbox();
    $answers = new Inbox();
    $responder->basic_consume($requests, '', false, true, false, false, $served);
    $requester->basic_consume('amq.rabbitmq.reply-to', '', false, true, false, false, $answers);
    for ($number = 1; $number <= 10; $number++) {
        $properties = ['reply_to' => 'amq.rabbitmq.reply-to', 'correlation_id' => "c$number"];
        send($requester, $requests, (string) $number, $properties);
    }
    for ($number = 1; $number <= 10; $number++) {
        $request = $served->next($responder);
        $properties = ['correlation_id' => $request->get('correlation_id')];
        send($responder, $request->get('reply_to'), "re: {$request->getBody()}", $properties);
    }
    for ($number = 1; $number <= 10; $number++) {
        $answer = $answers->next($requester);
        same('answer', $answer->getBody(), "re: $number");
        same('properties', $answer->get_properties(), ['correlation_id' => "c$number"]);
    }
}
