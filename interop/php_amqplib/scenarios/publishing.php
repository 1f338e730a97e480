<?php

// What publishers hear: confirms, returns, and what a transaction holds back.

declare(strict_types=1);

use PhpAmqpLib\Channel\AMQPChannel;
use PhpAmqpLib\Message\AMQPMessage;

function confirms(Session $session): void
{
    $channel = $session->channel();
    $name = declare_queue($channel, $session->queue('confirms'));
    $full = declare_queue($channel, $session->queue('full'), ['x-max-length' => 0, 'x-overflow' => 'reject-publish']);
    $settled = [];
    $channel->set_ack_handler(function (AMQPMessage $message) use (&$settled): void {
        $settled[] = "ack {$message->getBody()}";
    });
    $channel->set_nack_handler(function (AMQPMessage $message) use (&$settled): void {
        $settled[] = "nack {$message->getBody()}";
    });
    $channel->confirm_select();
    for ($number = 1; $number <= 200; $number++) {
        send($channel, $name, (string) $number);
    }
    $channel->wait_for_pending_acks(DEADLINE);
    natsort($settled);
    same('confirmed', array_values($settled), array_map(fn (int $number) => "ack $number", range(1, 200)));
    same('message count', count_of($channel, $name), 200);
    $settled = [];
    send($channel, $full, 'too much');
    $channel->wait_for_pending_acks(DEADLINE);
    same('confirmed', $settled, ['nack too much']);
}

function mandatory(Session $session): void
{
    $channel = $session->channel();
    $name = declare_queue($channel, $session->queue('mandatory'));
    $seen = [];
    $channel->set_return_listener(
        function (int $code, string $text, string $exchange, string $key, AMQPMessage $message) use (&$seen): void {
            $seen[] = [$code, $text, $exchange, $key, properties_of($message), $message->getBody()];
        }
    );
    $channel->set_ack_handler(function (AMQPMessage $message) use (&$seen): void {
        $seen[] = "ack {$message->getBody()}";
    });
    $channel->confirm_select();
    $unrouted = "{$session->prefix}-nowhere";
    $channel->basic_publish(new AMQPMessage('back', with_table(PROPERTIES)), '', $unrouted, true);
    $channel->wait_for_pending_acks_returns(DEADLINE);
    same('returned and confirmed', $seen, [[312, 'NO_ROUTE', '', $unrouted, PROPERTIES, 'back'], 'ack back']);
    $seen = [];
    $channel->basic_publish(new AMQPMessage('through'), '', $name, true);
    $channel->wait_for_pending_acks_returns(DEADLINE);
    same('message count', count_of($channel, $name), 1);
    same('only confirmed', $seen, ['ack through']);
}

function transactions(Session $session): void
{
    $connection = $session->connect();
    $channel = $connection->channel();
    $other = $connection->channel();
    $name = declare_queue($channel, $session->queue('transactions'));
    $channel->tx_select();
    send($channel, $name, '1');
    send($channel, $name, '2');
    same('before the rollback', count_of($other, $name), 0);
    $channel->tx_rollback();
    $channel->tx_commit();
    same('after the rollback', count_of($other, $name), 0);
    send($channel, $name, '1');
    send($channel, $name, '2');
    $channel->tx_commit();
    same('after the commit', count_of($other, $name), 2);
    acknowledge_first($channel, $name);
    $channel->tx_rollback();
    $channel->close();
    same('after the rolled back ack', count_of($other, $name), 2);
    $channel = $connection->channel();
    $channel->tx_select();
    acknowledge_first($channel, $name);
    $channel->tx_commit();
    $channel->close();
    same('after the committed ack', count_of($other, $name), 1);
    same('what is left', $other->basic_get($name, true)->getBody(), '2');
}

function acknowledge_first(AMQPChannel $channel, string $name): void
{
    $message = $channel->basic_get($name);
    same('first', $message->getBody(), '1');
    $message->ack();
}
