<?php

// The connections of a run, the names that were made on them, requests to the runner, and the end of all of it.

declare(strict_types=1);

const DEADLINE = 20;

final class Session
{
    public readonly string $prefix;
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

    public function connect(array $options = [], string $variable = 'AMQP_URL'): AMQPConnection
    {
        $url = parse_url(getenv($variable));
        $connection = new AMQPConnection($options + [
            'host' => $url['host'], 'port' => $url['port'], 'login' => $url['user'], 'password' => $url['pass'],
            'vhost' => rawurldecode(substr($url['path'], 1)), 'connect_timeout' => DEADLINE,
            'read_timeout' => DEADLINE, 'write_timeout' => DEADLINE, 'rpc_timeout' => DEADLINE,
        ]);
        $connection->connect();
        return $connection;
    }

    public function channel(): AMQPChannel
    {
        return new AMQPChannel($this->connect());
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
        $channel = $this->channel();
        foreach ($this->queues as $name) {
            queue($channel, $name)->delete();
        }
        foreach ($this->exchanges as $name) {
            (new AMQPExchange($channel))->delete($name);
        }
    }
}

/** A queue's handle; nothing is declared. */
function queue(AMQPChannel $channel, string $name, int $flags = AMQP_NOPARAM, array $arguments = []): AMQPQueue
{
    $queue = new AMQPQueue($channel);
    $queue->setName($name);
    $queue->setFlags($flags);
    $queue->setArguments($arguments);
    return $queue;
}

function declared(AMQPChannel $channel, string $name, int $flags = AMQP_NOPARAM, array $arguments = []): AMQPQueue
{
    $queue = queue($channel, $name, $flags, $arguments);
    same('message count of a new queue', $queue->declareQueue(), 0);
    return $queue;
}

function count_of(AMQPChannel $channel, string $name): int
{
    return queue($channel, $name, AMQP_PASSIVE)->declareQueue();
}

function send(AMQPChannel $channel, string $queue, string $body, array $properties = [], int $flags = 0): void
{
    (new AMQPExchange($channel))->publish($body, $queue, $flags, $properties);
}

/** As long as they are not confirmed, RabbitMQ may count the messages of a queue without them. */
function send_all(AMQPChannel $channel, string $queue, array $bodies): void
{
    $channel->confirmSelect();
    foreach ($bodies as $body) {
        send($channel, $queue, $body);
    }
    $acks = array_map(fn (int $tag) => "ack $tag", range(1, count($bodies)));
    same('settled', settled($channel, count($bodies)), $acks);
}

/** The next confirms, one for each message, in the order of their tags. */
function settled(AMQPChannel $channel, int $number, int $first = 1): array
{
    $seen = [];
    $note = function (string $word) use (&$seen, $number, $first): callable {
        return function (int $tag, bool $multiple) use (&$seen, $number, $first, $word): bool {
            foreach (range($multiple ? $first : $tag, $tag) as $each) {
                $seen[$each] ??= "$word $each";
            }
            return count($seen) < $number;
        };
    };
    $channel->setConfirmCallback($note('ack'), $note('nack'));
    $channel->waitForConfirm(DEADLINE);
    ksort($seen);
    return array_values($seen);
}

/** Consume until so many messages have come; a consumer that is there already goes on with AMQP_JUST_CONSUME. */
function consumed(AMQPQueue $queue, int $number, int $flags = AMQP_NOPARAM): array
{
    $messages = [];
    $queue->consume(function (AMQPEnvelope $message) use (&$messages, $number): bool {
        $messages[] = $message;
        return count($messages) < $number;
    }, $flags);
    return $messages;
}

/** @param string[] $texts parts of the error's text */
function closed_with(int $code, callable $call, string ...$texts): void
{
    $error = raised("what must be answered with $code", AMQPException::class, $call);
    same('reply code', $error->getCode(), $code);
    foreach ($texts as $text) {
        truly("'$text' is in: {$error->getMessage()}", str_contains($error->getMessage(), $text));
    }
}
