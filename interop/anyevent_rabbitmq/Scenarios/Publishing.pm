package Scenarios::Publishing;

# What publishers hear: confirms, returns, and what a transaction holds back.

use v5.36;

use Comparing;
use Inbox;
use Session;

sub confirms ($session) {
    my $channel = $session->open_channel;
    my ($name, $full) = map { $session->queue($_) } qw(confirms full);
    call($channel, declare_queue => queue => $name);
    my %limit = ('x-max-length' => 0, 'x-overflow' => 'reject-publish');
    call($channel, declare_queue => queue => $full, arguments => \%limit);
    call($channel, 'confirm');
    my @publishes = map { {exchange => '', routing_key => $name, body => "$_"} } 1 .. 200;
    same 'confirms', [confirmed($channel, @publishes)], [('ack') x 200];
    same 'message count', count($channel, $name), 200;
    same 'confirm', [confirmed($channel, {exchange => '', routing_key => $full, body => 'too much'})], ['nack'];
    return;
}

# The client tells of a returned message its method only, neither properties nor body.
sub mandatory ($session) {
    my $returned   = Inbox->new;
    my $connection = $session->connect(new => {on_return => sub ($frame) { $returned->put($frame) }});
    my $channel    = $session->open_channel($connection);
    my $name       = $session->queue('mandatory');
    call($channel, declare_queue => queue => $name);
    call($channel, 'confirm');
    my $unrouted = $session->prefix . '-nowhere';
    my %publish  = (exchange => '', mandatory => 1);
    same 'confirm', [confirmed($channel, {%publish, routing_key => $unrouted, body => 'back'})], ['ack'];
    my $method = $returned->next('basic.return')->method_frame;
    same 'reply code',  $method->reply_code,  312;
    same 'reply text',  $method->reply_text,  'NO_ROUTE';
    same 'exchange',    $method->exchange,    '';
    same 'routing key', $method->routing_key, $unrouted;
    same 'confirm', [confirmed($channel, {%publish, routing_key => $name, body => 'through'})], ['ack'];
    same 'message count', count($channel, $name), 1;
    same 'returned', $returned->size, 0;
    return;
}

sub transactions ($session) {
    my $connection = $session->connect;
    my ($channel, $other) = map { $session->open_channel($connection) } 1, 2;
    my $name = $session->queue('transactions');
    call($channel, declare_queue => queue => $name);
    call($channel, 'select_tx');
    send_to($channel, $name, $_) for 1, 2;
    same 'before the rollback', count($other, $name), 0;
    call($channel, 'rollback_tx');
    call($channel, 'commit_tx');
    same 'after the rollback', count($other, $name), 0;
    send_to($channel, $name, $_) for 1, 2;
    call($channel, 'commit_tx');
    same 'after the commit', count($other, $name), 2;
    acknowledge_first($channel, $name);
    call($channel, 'rollback_tx');
    call($channel, 'close');
    same 'after the rolled back ack', count($other, $name), 2;
    $channel = $session->open_channel($connection);
    call($channel, 'select_tx');
    acknowledge_first($channel, $name);
    call($channel, 'commit_tx');
    call($channel, 'close');
    same 'after the committed ack', count($other, $name), 1;
    same 'what is left', call($other, get => queue => $name)->{body}->payload, '2';
    return;
}

sub acknowledge_first ($channel, $name) {
    my $message = call($channel, get => queue => $name, no_ack => 0);
    same 'first', $message->{body}->payload, '1';
    $channel->ack(delivery_tag => $message->{ok}->method_frame->delivery_tag);
    return;
}

1;
