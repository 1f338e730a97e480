<?php

// The connections of a run, the names that were made on them, requests to the runner, and the end of all of it.

declare(strict_types=1);

use PhpAmqpLib\Channel\AMQPChannel;
use PhpAmqpLib\Connection\AbstractConnection;
use PhpAmqpLib\Connection\AMQPConnectionConfig;
use PhpAmqpLib\Connection\AMQPConnectionFactory;
use PhpAmqpLib\Exception\AMQPProtocolChannelException;
use PhpAmqpLib\Message\AMQPMessage;

const DEADLINE = 20;

final class Session
{
    public readonly string $prefix;
    /** @var AbstractConnection[] */
    private array $connections = [];
    /** @var string[] */
    private array $queues = [];
    /** @var string[] */
    private array $exchanges = [];

    public function __construct()
    {
        $this->prefix = getenv('INTEROP_PREFIX');
    }

    /** A queue's name that is deleted at the end, whatever happens. */
    public function queue(string $suffix): string
    {
        return $this->queues[] = "$this->prefix-$suffix";
    }

    public function exchange(string $suffix): string
    {
        return $this->exchanges[] = "$this->prefix-$suffix";
    }

    /** Connect to a URL; `$adjust` gets the configuration before. */
    public function connect(?callable $adjust = null, string $variable = 'AMQP_URL'): AbstractConnection
    {
        $url = parse_url(getenv($variable));
        $config = new AMQPConnectionConfig();
        $config->setHost($url['host']);
        $config->setPort($url['port']);
        $config->setUser($url['user']);
        $config->setPassword($url['pass']);
        $config->setVhost(rawurldecode(substr($url['path'], 1)));
        $config->setReadTimeout(DEADLINE);
        $config->setWriteTimeout(DEADLINE);
        $config->setChannelRPCTimeout(DEADLINE);
        if ($adjust !== null) {
            $adjust($config);
        }
        return $this->connections[] = AMQPConnectionFactory::create($config);
    }

    public function channel(): AMQPChannel
    {
        return $this->connect()->channel();
    }

    public function ask(string $request): void
    {
        fwrite(STDOUT, "@ $request\n");
        fflush(STDOUT);
        $answer = fgets(STDIN);
        truly("the runner has done '$request': " . shown($answer), $answer !== false && trim($answer) === 'done');
    }

    public function cleanUp(): void
    {
        foreach ($this->connections as $connection) {
            if ($connection->isConnected()) {
                $connection->close();
            }
        }
        $channel = $this->connect()->channel();
        foreach ($this->queues as $queue) {
            $channel->queue_delete($queue);
        }
        foreach ($this->exchanges as $exchange) {
            $channel->exchange_delete($exchange);
        }
        $channel->getConnection()->close();
    }
}

/** The messages of consumers, in the order of their arrival. */
final class Inbox
{
    /** @var AMQPMessage[] */
    public array $messages = [];

    public function __invoke(AMQPMessage $message): void
    {
        $this->messages[] = $message;
    }

    public function next(AMQPChannel $channel): AMQPMessage
    {
        while ($this->messages === []) {
            $channel->wait(null, false, DEADLINE);
        }
        return array_shift($this->messages);
    }
}

function declare_queue(AMQPChannel $channel, string $name, array $arguments = [], bool $durable = false): string
{
    $declared = $channel->queue_declare($name, false, $durable, false, false, false, typed_table($arguments));
    same('declared', $declared[0], $name);
    return $name;
}

function count_of(AMQPChannel $channel, string $name): int
{
    return $channel->queue_declare($name, true)[1];
}

function send(AMQPChannel $channel, string $queue, string $body, array $properties = []): void
{
    $channel->basic_publish(new AMQPMessage($body, $properties), '', $queue);
}

/** As long as they are not confirmed, RabbitMQ may count the messages of a queue without them. */
function send_all(AMQPChannel $channel, string $queue, array $bodies): void
{
    $channel->confirm_select();
    foreach ($bodies as $body) {
        send($channel, $queue, $body);
    }
    $channel->wait_for_pending_acks(DEADLINE);
}

/** @param string[] $texts parts of the error's text */
function closed_with(int $code, callable $call, string ...$texts): void
{
    $error = raised("what must be answered with $code", AMQPProtocolChannelException::class, $call);
    same('reply code', $error->amqp_reply_code, $code);
    foreach ($texts as $text) {
        truly("'$text' is in: {$error->amqp_reply_text}", str_contains($error->amqp_reply_text, $text));
    }
}
