package Scenarios::Contents;

# Properties, headers and bodies, there and back.

use v5.36;

use Comparing;
use Inbox;
use Net::AMQP::Value;
use Session;

use constant LARGE => 10_485_760;

# Everything that Net::AMQP both writes and reads. Booleans are read as 1 and 0.
my %HEADERS = (
    'text'      => 'Grüße, 世界',
    'digits'    => Net::AMQP::Value::String->new('123'),
    'long text' => 'x' x 70_000,
    'octets'    => "\x00\xff\x80",
    'lowest'    => Net::AMQP::Value::Integer->new(-2_147_483_648),
    'highest'   => Net::AMQP::Value::Integer->new(2_147_483_647),
    'time'      => Net::AMQP::Value::Timestamp->new(1_700_000_000),
    'true'      => Net::AMQP::Value::true,
    'false'     => Net::AMQP::Value::false,
    'array'     => ['text', -1, [], {}, [[Net::AMQP::Value::true, {in => ['array']}]]],
    'table'     => {'in' => {'table' => [{'array' => {'deep' => 2}}]}, 'schlüssel' => 'wärt', 'empty' => {}},
    'k' x 255   => 'the longest key',
);

# All that the client has: its protocol leaves the cluster-id out.
my %PROPERTIES = (
    content_type     => 'application/octet-stream',
    content_encoding => 'identity',
    headers          => {one => Net::AMQP::Value::Integer->new(1)},
    delivery_mode    => 2,
    priority         => 5,
    correlation_id   => 'correlated',
    reply_to         => 'replies',
    expiration       => '60000',
    message_id       => 'message 1',
    timestamp        => 1_700_000_001,
    type             => 'event',
    user_id          => 'guest',
    app_id           => 'interop',
);

sub publish_consume ($session) {
    my $connection = $session->connect;
    my $channel    = $session->open_channel($connection);
    my $name       = $session->queue('contents');
    call($channel, declare_queue => queue => $name);
    my $octets = substr +(join '', map { chr } 0 .. 255) x 4, 0, 1000;
    my $utf8   = 'Grüße, 世界 🌍';
    send_to($channel, $name, $octets, %PROPERTIES);
    send_to($channel, $name, '');
    send_to($channel, $name, $utf8, headers => \%HEADERS);
    my $inbox = Inbox->new;
    $inbox->consume($channel, queue => $name, no_ack => 0);
    arrived($inbox->next, $name, 1, $octets, %PROPERTIES, headers => {one => 1});
    arrived($inbox->next, $name, 2, undef, headers => {});    # the client's way to show an empty body
    arrived($inbox->next, $name, 3, $utf8, headers => as_read(\%HEADERS));
    $channel->ack(delivery_tag => 3, multiple => 1);
    call($channel, 'close');                                  # what was not acknowledged goes back into the queue
    same 'message count', count($session->open_channel($connection), $name), 0;
    return;
}

sub arrived ($message, $key, $tag, $body, %properties) {
    same 'body', $message->{body} && $message->{body}->payload, $body;
    same 'properties', {%{$message->{header}}}, \%properties;
    my $deliver = $message->{deliver}->method_frame;
    same 'exchange',     $deliver->exchange,     '';
    same 'routing key',  $deliver->routing_key,  $key;
    same 'redelivered',  $deliver->redelivered,  0;
    same 'delivery tag', $deliver->delivery_tag, $tag;
    return;
}

# The plain values behind those that say their type.
sub as_read ($value) {
    return {map { $_ => as_read($value->{$_}) } keys %$value} if ref $value eq 'HASH';
    return [map { as_read($_) } @$value] if ref $value eq 'ARRAY';
    return $value ? 1 : 0 if ref $value eq 'Net::AMQP::Value::Boolean';
    return "$value";
}

sub large_message ($session) {
    my $channel = $session->open_channel;
    my $name    = $session->queue('large');
    call($channel, declare_queue => queue => $name);
    my @bodies = map { random_octets() } 1, 2;
    send_to($channel, $name, $_) for @bodies;
    my $inbox = Inbox->new;
    $inbox->consume($channel, queue => $name, no_ack => 0);
    for my $body (@bodies) {
        my $message = $inbox->next;
        same 'size', length $message->{body}->payload, LARGE;
        truly 'every octet is the same', $message->{body}->payload eq $body;
        $channel->ack(delivery_tag => $message->{deliver}->method_frame->delivery_tag);
    }
    return;
}

sub random_octets () {
    return pack 'L*', map { int rand 2**32 } 1 .. LARGE / 4;
}

1;
