package Scenarios::Connections;

# Scenarios about the connection itself.

use v5.36;

use AnyEvent;
use Comparing;
use Net::AMQP::Value;
use Session;

sub connect_options ($session) {
    my $connection = $session->connect(
        tune              => {heartbeat => 30, frame_max => 65_536, channel_max => 100},
        client_properties => {connection_name => $session->prefix},
    );
    truly 'the server says what it is', $connection->server_properties->{product};
    my ($first, $second) = map { $session->open_channel($connection) } 1, 2;
    my $name = $session->queue('options');
    call($first, declare_queue => queue => $name);
    my $seen = call($second, declare_queue => queue => $name, passive => 1);
    same 'the queue seen from the second channel', $seen->method_frame->queue, $name;
    call($_, 'close') for $first, $second, $connection;
    refused($session, qr/403 ACCESS_REFUSED/, url => $ENV{AMQP_URL} =~ s/:[^:@]+@/:wrong@/r);
    my $missing = $session->prefix . '-missing';
    refused($session, qr/530 NOT_ALLOWED.*\Q$missing\E/, vhost => $missing);
    return;
}

# The client does not announce by itself that it understands a close in place of a dropped connection.
sub refused ($session, $reason, %options) {
    my %capable = (client_properties => {capabilities => {authentication_failure_close => Net::AMQP::Value::true}});
    truly "$reason was refused", !eval { $session->connect(%capable, %options); 1 };
    truly "the reason is told: $@", $@ =~ $reason;
    return;
}

sub heartbeats ($session) {
    my $connection = $session->connect(tune => {heartbeat => 1});
    my $channel    = $session->open_channel($connection);
    my $name       = $session->queue('heartbeats');
    call($channel, declare_queue => queue => $name);
    my $idle  = AE::cv;
    my $timer = AE::timer 4, 0, $idle;
    $idle->recv;
    truly 'the connection is open after 4 s', $connection->is_open;
    send_to($channel, $name, 'alive');
    same 'body', call($channel, get => queue => $name)->{body}->payload, 'alive';
    return;
}

sub tls ($session) {
    my %verified   = (url => $ENV{AMQPS_URL}, tls => 1);
    my %trust      = (verify => 1, verify_peername => 'https', ca_file => $ENV{AMQP_CA_FILE});
    my $connection = $session->connect(%verified, tls_ctx => \%trust);
    my $channel    = $session->open_channel($connection);
    my $name       = $session->queue('tls');
    call($channel, declare_queue => queue => $name);
    my $body = join '', map { chr int rand 256 } 1 .. 100_000;
    send_to($channel, $name, $body);
    truly 'every octet is the same', call($channel, get => queue => $name)->{body}->payload eq $body;
    delete $trust{ca_file};
    truly 'a certificate of an unknown authority was refused',
        !eval { $session->connect(%verified, tls_ctx => \%trust); 1 };
    truly "the reason is told: $@", $@ =~ /certificate verify failed/;
    return;
}

1;
