<?php

// Scenarios about the connection itself.

declare(strict_types=1);

function connect_options(Session $session): void
{
    $connection = $session->connect([
        'heartbeat' => 30, 'frame_max' => 65_536, 'channel_max' => 100, 'connection_name' => $session->prefix,
    ]);
    same('heartbeat', $connection->getHeartbeatInterval(), 30);
    same('frame size', $connection->getMaxFrameSize(), 65_536);
    same('most channels', $connection->getMaxChannels(), 100);
    $first = new AMQPChannel($connection);
    $second = new AMQPChannel($connection);
    same('channels', $connection->getUsedChannels(), 2);
    $name = $session->queue('options');
    declared($first, $name);
    same('message count, seen from the second channel', count_of($second, $name), 0);
    $first->close();
    $second->close();
    $connection->disconnect();
    closed_with(403, fn () => $session->connect(['password' => 'wrong']), 'ACCESS_REFUSED');
    $missing = "{$session->prefix}-missing";
    closed_with(530, fn () => $session->connect(['vhost' => $missing]), $missing);
}

/** rabbitmq-c sends heartbeats while it waits for something. */
function heartbeats(Session $session): void
{
    $connection = $session->connect(['heartbeat' => 1, 'read_timeout' => 4]);
    same('heartbeat', $connection->getHeartbeatInterval(), 1);
    $channel = new AMQPChannel($connection);
    $queue = declared($channel, $session->queue('heartbeats'));
    raised('waiting for 4 s', AMQPQueueException::class, fn () => consumed($queue, 1, AMQP_AUTOACK));
    truly('the connection is open after 4 s', $connection->isConnected());
    $queue->cancel();
    send($channel, $queue->getName(), 'alive');
    same('body', $queue->get(AMQP_AUTOACK)->getBody(), 'alive');
}

function tls(Session $session): void
{
    $channel = new AMQPChannel($session->connect(['cacert' => getenv('AMQP_CA_FILE'), 'verify' => true], 'AMQPS_URL'));
    $queue = declared($channel, $session->queue('tls'));
    $body = random_bytes(100_000);
    send($channel, $queue->getName(), $body);
    same('body', $queue->get(AMQP_AUTOACK)->getBody(), $body);
    $stranger = tempnam(sys_get_temp_dir(), 'authority');
    try {
        file_put_contents($stranger, authority());
        raised('a certificate of an unknown authority', AMQPConnectionException::class,
            fn () => $session->connect(['cacert' => $stranger, 'verify' => true], 'AMQPS_URL'));
        // the extension does not tell the reason, but without verification there is none
        $unverified = ['cacert' => $stranger, 'verify' => false];
        truly('it connects unverified', $session->connect($unverified, 'AMQPS_URL')->isConnected());
    } finally {
        unlink($stranger);
    }
}

/** Another authority's certificate, in PEM: the extension speaks TLS only if it is given one. */
function authority(): string
{
    $key = openssl_pkey_new();
    $request = openssl_csr_new(['commonName' => 'another authority'], $key);
    openssl_x509_export(openssl_csr_sign($request, null, $key, 1), $certificate);
    return $certificate;
}
