<?php

// Getting, settling, prefetch and replies.

declare(strict_types=1);

/** The extension does not show the message count of get-ok. */
function get(Session $session): void
{
    $connection = $session->connect();
    $channel = new AMQPChannel($connection);
    $queue = declared($channel, $session->queue('get'));
    same('from an empty queue', $queue->get(), false);
    send_all($channel, $queue->getName(), ['1', '2', '3']);
    $queue->ack(got($queue->get(), '1', false));
    same('message count', count_of($channel, $queue->getName()), 2);
    got($queue->get(AMQP_AUTOACK), '2', false);
    got($queue->get(), '3', false);
    $channel->close();
    $queue = queue(new AMQPChannel($connection), $queue->getName());
    $queue->ack(got($queue->get(), '3', true));
    same('at the end', $queue->get(), false);
}

/** Returns the delivery tag. */
function got(AMQPEnvelope|false $message, string $body, bool $redelivered): int
{
    truly("$body comes", $message !== false);
    same('body', $message->getBody(), $body);
    same('redelivered', $message->isRedelivery(), $redelivered);
    return $message->getDeliveryTag();
}

function requeue(Session $session): void
{
    $connection = $session->connect();
    $channel = new AMQPChannel($connection);
    $dead = declared($channel, $session->queue('dead'));
    $queue = declared($channel, $session->queue('requeue'), AMQP_NOPARAM,
        ['x-dead-letter-exchange' => '', 'x-dead-letter-routing-key' => $dead->getName()]);
    send_all($channel, $queue->getName(), ['1', '2', '3', '4', '5']);
    $channel->qos(0, 5);
    $tags = [];
    foreach (consumed($queue, 5) as $index => $message) {
        $tags[$index + 1] = got($message, (string) ($index + 1), false);
    }
    $queue->reject($tags[1]);
    $queue->nack($tags[2]);
    $queue->nack($tags[4], AMQP_REQUEUE);
    $queue->ack($tags[5]);
    $queue->reject($tags[3], AMQP_REQUEUE);
    $again = consumed($queue, 2, AMQP_JUST_CONSUME);
    $last = $again[1]->getDeliveryTag();
    usort($again, fn (AMQPEnvelope $one, AMQPEnvelope $other) => $one->getBody() <=> $other->getBody());
    got($again[0], '3', true);
    got($again[1], '4', true);
    $queue->ack($last, AMQP_MULTIPLE);
    $channel->close();
    $channel = new AMQPChannel($connection);
    same('left', count_of($channel, $queue->getName()), 0);
    dead_lettered(queue($channel, $dead->getName()), $queue->getName());
}

function dead_lettered(AMQPQueue $dead, string $name): void
{
    foreach (consumed($dead, 2, AMQP_AUTOACK) as $index => $message) {
        got($message, (string) ($index + 1), false);
        same('its routing key', $message->getRoutingKey(), $dead->getName());
        $deaths = $message->getHeader('x-death');
        same('deaths', count($deaths), 1);
        $time = $deaths[0]['time'];
        truly('its time is now', $time instanceof AMQPTimestamp && abs(time() - (int) $time->getTimestamp()) < 3600);
        unset($deaths[0]['time']);
        ksort($deaths[0]);
        same('death', $deaths[0], [
            'count' => 1, 'exchange' => '', 'queue' => $name, 'reason' => 'rejected', 'routing-keys' => [$name],
        ]);
    }
}

function prefetch(Session $session): void
{
    $channel = $session->channel();
    $queue = declared($channel, $session->queue('prefetch'));
    send_all($channel, $queue->getName(), array_map('strval', range(1, 10)));
    $channel->qos(0, 3);
    $held = [];
    foreach (consumed($queue, 3) as $index => $message) {
        $held[] = got($message, (string) ($index + 1), false);
    }
    for ($number = 4; $number <= 10; $number++) {
        same('ready while three are held', count_of($channel, $queue->getName()), 11 - $number);
        $queue->ack(array_shift($held));
        [$message] = consumed($queue, 1, AMQP_JUST_CONSUME);
        $held[] = got($message, (string) $number, false);
    }
    same('ready at the end', count_of($channel, $queue->getName()), 0);
    $queue->ack(end($held), AMQP_MULTIPLE);
}

function reply_to(Session $session): void
{
    $requester = $session->channel();
    $responder = $session->channel();
    $requests = declared($responder, $session->queue('requests'));
    $replies = queue($requester, 'amq.rabbitmq.reply-to');
    $replies->consume(null, AMQP_AUTOACK);
    for ($number = 1; $number <= 10; $number++) {
        $properties = ['reply_to' => 'amq.rabbitmq.reply-to', 'correlation_id' => "c$number"];
        send($requester, $requests->getName(), (string) $number, $properties);
    }
    foreach (consumed($requests, 10, AMQP_AUTOACK) as $request) {
        $properties = ['correlation_id' => $request->getCorrelationId()];
        send($responder, $request->getReplyTo(), "re: {$request->getBody()}", $properties);
    }
    foreach (consumed($replies, 10, AMQP_JUST_CONSUME) as $index => $answer) {
        same('answer', $answer->getBody(), 're: ' . ($index + 1));
        same('correlation id', $answer->getCorrelationId(), 'c' . ($index + 1));
    }
}
