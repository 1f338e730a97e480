<?php

// Scenarios about the connection itself.

declare(strict_types=1);

use PhpAmqpLib\Connection\AMQPConnectionConfig;
use PhpAmqpLib\Exception\AMQPConnectionClosedException;
use PhpAmqpLib\Exception\AMQPIOException;
use PhpAmqpLib\Exception\AMQPTimeoutException;

/** The library takes the server's frame size and number of channels and has no option for them. */
function connect_options(Session $session): void
{
    $connection = $session->connect(function (AMQPConnectionConfig $config) use ($session): void {
        $config->setHeartbeat(30);
        $config->setReadTimeout(60);
        $config->setWriteTimeout(60);
        $config->setConnectionName($session->prefix);
    });
    same('heartbeat', $connection->getHeartbeat(), 30);
    truly('the server says what it is', $connection->getServerProperties()['product'][1] !== '');
    $first = $connection->channel();
    $second = $connection->channel();
    $name = declare_queue($first, $session->queue('options'));
    same('the queue seen from the second channel', $second->queue_declare($name, true), [$name, 0, 0]);
    $first->close();
    $second->close();
    $connection->close();
    refused($session);
}

function refused(Session $session): void
{
    $error = raised('a wrong password', AMQPConnectionClosedException::class, fn () => $session->connect(
        fn (AMQPConnectionConfig $config) => $config->setPassword('wrong')
    ));
    same('reply code', $error->getCode(), 403);
    truly("access was refused: {$error->getMessage()}", str_starts_with($error->getMessage(), 'ACCESS_REFUSED'));
    $missing = "{$session->prefix}-missing";
    $error = raised('a missing virtual host', AMQPConnectionClosedException::class, fn () => $session->connect(
        fn (AMQPConnectionConfig $config) => $config->setVhost($missing)
    ));
    same('reply code', $error->getCode(), 530);
    truly("the virtual host is named: {$error->getMessage()}", str_contains($error->getMessage(), $missing));
}

/** The library sends heartbeats while it waits for something. */
function heartbeats(Session $session): void
{
    $connection = $session->connect(fn (AMQPConnectionConfig $config) => $config->setHeartbeat(1));
    same('heartbeat', $connection->getHeartbeat(), 1);
    $channel = $connection->channel();
    $name = declare_queue($channel, $session->queue('heartbeats'));
    raised('waiting for 4 s', AMQPTimeoutException::class, fn () => $channel->wait(null, false, 4));
    truly('the connection is open after 4 s', $connection->isConnected());
    send($channel, $name, 'alive');
    same('body', $channel->basic_get($name, true)->getBody(), 'alive');
}

function blocked(Session $session): void
{
    $connection = $session->connect();
    $reports = [];
    $connection->set_connection_block_handler(function (string $reason) use (&$reports): void {
        $reports[] = $reason === '' ? 'blocked without a reason' : 'blocked';
    });
    $connection->set_connection_unblock_handler(function () use (&$reports): void {
        $reports[] = 'unblocked';
    });
    $channel = $connection->channel();
    $name = declare_queue($channel, $session->queue('blocked'));
    $session->ask('block');
    send($channel, $name, 'held back');
    $connection->wait(null, false, DEADLINE);
    same('reports', $reports, ['blocked']);
    truly('the library knows that it is blocked', $connection->isBlocked());
    $session->ask('unblock');
    $connection->wait(null, false, DEADLINE);
    same('reports', $reports, ['blocked', 'unblocked']);
    same('body', $channel->basic_get($name, true)->getBody(), 'held back');
}

function tls(Session $session): void
{
    $connection = $session->connect(verified(getenv('AMQP_CA_FILE')), 'AMQPS_URL');
    $channel = $connection->channel();
    $name = declare_queue($channel, $session->queue('tls'));
    $body = random_bytes(100_000);
    send($channel, $name, $body);
    same('body', $channel->basic_get($name, true)->getBody(), $body);
    // the library does not tell the reason, but without verification there is none
    raised('a certificate of an unknown authority', AMQPIOException::class, fn () => $session->connect(
        verified(null), 'AMQPS_URL'
    ));
    truly('it connects unverified', $session->connect(verified(null, false), 'AMQPS_URL')->isConnected());
}

function verified(?string $authority, bool $verified = true): callable
{
    return function (AMQPConnectionConfig $config) use ($authority, $verified): void {
        $config->setIsSecure(true);
        $config->setNetworkProtocol('ssl');
        $config->setSslCaCert($authority);
        $config->setSslVerify($verified);
        $config->setSslVerifyName($verified);
    };
}
