package Scenarios::Topology;

# Exchanges of every type, bindings, and what a queue says when it is declared again.

use v5.36;

use Comparing;
use Net::AMQP::Value;
use Session;

my %ARGUMENTS = ('x-max-length' => 1000, 'x-message-ttl' => 60_000, 'x-dead-letter-exchange' => '');
my %COLOURS   = ('x-match' => 'any', colour => 'red', size => 3);

sub declare_bind ($session) {
    my $connection = $session->connect;
    my $channel    = $session->open_channel($connection);
    call($channel, 'confirm');
    my $queue = $session->queue('bound');
    call($channel, declare_queue => queue => $queue, durable => 1, arguments => \%ARGUMENTS);
    bind_each_type($session, $channel, $queue);
    bind_exchange($session, $channel, $queue);
    count_and_purge($session, $channel, $queue);
    call($channel, unbind_queue => queue => $queue, exchange => $session->prefix . '-direct', routing_key => 'key');
    arrives_not($session, $channel, $queue, 'direct', 'key');
    declare_otherwise($session, $connection, $queue);
    delete_everything($session, $connection, $channel, $queue);
    return;
}

sub bind_each_type ($session, $channel, $queue) {
    my %bindings = (
        direct  => {routing_key => 'key'},
        fanout  => {},
        topic   => {routing_key => 'a.*.#'},
        headers => {arguments   => \%COLOURS},
    );
    for my $type (sort keys %bindings) {
        my $exchange = $session->exchange($type);
        call($channel, declare_exchange => exchange => $exchange, type => $type, durable => 1);
        call($channel, bind_queue => queue => $queue, exchange => $exchange, %{$bindings{$type}});
    }
    my $integer = Net::AMQP::Value::Integer->new(3);
    arrives($session, $channel, $queue, 'direct', 'key');
    arrives_not($session, $channel, $queue, 'direct', 'other');
    arrives($session, $channel, $queue, 'fanout', 'any.thing');
    arrives($session, $channel, $queue, 'topic', 'a.b');
    arrives($session, $channel, $queue, 'topic', 'a.b.c.d');
    arrives_not($session, $channel, $queue, 'topic', 'a');
    arrives($session, $channel, $queue, 'headers', '', size => $integer);
    arrives($session, $channel, $queue, 'headers', '', colour => 'red', size => Net::AMQP::Value::Integer->new(4));
    arrives_not($session, $channel, $queue, 'headers', '', size => Net::AMQP::Value::String->new('3'));
    return;
}

sub bind_exchange ($session, $channel, $queue) {
    my $source = $session->exchange('source');
    call($channel, declare_exchange => exchange => $source, type => 'direct', durable => 1);
    my %binding = (source => $source, destination => $session->prefix . '-fanout', routing_key => 'through');
    call($channel, bind_exchange => %binding);
    arrives($session, $channel, $queue, 'source', 'through');
    arrives_not($session, $channel, $queue, 'source', 'past');
    call($channel, unbind_exchange => %binding);
    arrives_not($session, $channel, $queue, 'source', 'through');
    return;
}

sub count_and_purge ($session, $channel, $queue) {
    publish_through($session, $channel, 'direct', 'key') for 1 .. 3;
    same 'message count', count($channel, $queue), 3;
    same 'purged', call($channel, purge_queue => queue => $queue)->method_frame->message_count, 3;
    same 'message count after the purge', count($channel, $queue), 0;
    return;
}

sub declare_otherwise ($session, $connection, $queue) {
    my %otherwise = (%ARGUMENTS, 'x-max-length' => 5);
    my $text      = closed_with($session, $connection, 406, sub ($channel, %callbacks) {
        $channel->declare_queue(queue => $queue, durable => 1, arguments => \%otherwise, %callbacks);
    });
    truly "the argument is named: $text", $text =~ /x-max-length/;
    my $none = $session->prefix . '-none';
    $text = closed_with($session, $connection, 404, sub ($channel, %callbacks) {
        $channel->declare_queue(queue => $none, passive => 1, %callbacks);
    });
    truly "the queue is named: $text", $text =~ /\Q$none\E/;
    return;
}

sub delete_everything ($session, $connection, $channel, $queue) {
    same 'confirm', [confirmed($channel, {exchange => '', routing_key => $queue, body => 'left'})], ['ack'];
    same 'messages deleted', call($channel, delete_queue => queue => $queue)->method_frame->message_count, 1;
    my $prefix = $session->prefix;
    call($channel, delete_exchange => exchange => "$prefix-$_") for qw(direct fanout topic headers source);
    closed_with($session, $connection, 404, sub ($channel, %callbacks) {
        $channel->declare_exchange(exchange => "$prefix-direct", type => 'direct', passive => 1, %callbacks);
    });
    return;
}

sub publish_through ($session, $channel, $suffix, $key, %headers) {
    my $body    = join ' ', $suffix, $key, map { "$_=$headers{$_}" } sort keys %headers;
    my $publish = {
        exchange    => $session->prefix . "-$suffix",
        routing_key => $key,
        body        => $body,
        header      => {headers => \%headers},
    };
    same 'confirm', [confirmed($channel, $publish)], ['ack'];
    return $body;
}

sub arrives ($session, $channel, $queue, $suffix, $key, %headers) {
    my $body    = publish_through($session, $channel, $suffix, $key, %headers);
    my $message = call($channel, get => queue => $queue);
    truly "$body arrives", $message->{ok};
    same 'body', $message->{body}->payload, $body;
    my $ok = $message->{ok}->method_frame;
    same 'exchange',    $ok->exchange,    $session->prefix . "-$suffix";
    same 'routing key', $ok->routing_key, $key;
    return;
}

sub arrives_not ($session, $channel, $queue, $suffix, $key, %headers) {
    my $body = publish_through($session, $channel, $suffix, $key, %headers);
    truly "$body must not arrive", call($channel, get => queue => $queue)->{empty};
    return;
}

1;
