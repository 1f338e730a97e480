package Scenarios::Lifetimes;

# Queues and consumers that end with something else: a connection, a queue, a server.

use v5.36;

use Comparing;
use Inbox;
use Session;

sub exclusive ($session) {
    my ($owner, $stranger) = map { $session->connect } 1, 2;
    my $channel = $session->open_channel($owner);
    my $name    = call($channel, declare_queue => queue => '', exclusive => 1)->method_frame->queue;
    truly "$name is a name of the server's", $name =~ /^amq\.gen-/;
    send_to($channel, $name, 'mine');
    my $inbox = Inbox->new;
    $inbox->consume($channel, queue => $name, no_ack => 1);
    same 'body', $inbox->next->{body}->payload, 'mine';
    for my $attempt ([declare_queue => passive => 1], ['consume'], ['get']) {
        my ($method, @arguments) = @$attempt;
        my $text = closed_with($session, $stranger, 405, sub ($refused, %callbacks) {
            $refused->$method(queue => $name, @arguments, %callbacks);
        });
        truly "the queue is named: $text", $text =~ /\Q$name\E/;
    }
    call($owner, 'close');
    closed_with($session, $stranger, 404, sub ($refused, %callbacks) {
        $refused->declare_queue(queue => $name, passive => 1, %callbacks);
    });
    my $only = $session->queue('only-one');
    $channel = $session->open_channel($stranger);
    call($channel, declare_queue => queue => $only);
    call($channel, consume => queue => $only, exclusive => 1);
    closed_with($session, $stranger, 403, sub ($refused, %callbacks) { $refused->consume(queue => $only, %callbacks) });
    return;
}

sub cancel ($session) {
    my $channel = $session->open_channel;
    my $name    = $session->queue('cancel');
    call($channel, declare_queue => queue => $name);
    call($channel, 'confirm');
    my ($inbox, $cancelled) = map { Inbox->new } 1, 2;
    my $tag = $session->prefix . '-tag';
    same 'consumer tag', $inbox->consume($channel, queue => $name, consumer_tag => $tag), $tag;
    confirmed($channel, {exchange => '', routing_key => $name, body => 'before'});
    same 'body', $inbox->next->{body}->payload, 'before';
    same 'cancelled', call($channel, cancel => consumer_tag => $tag)->method_frame->consumer_tag, $tag;
    confirmed($channel, {exchange => '', routing_key => $name, body => 'after'});
    same 'message count', count($channel, $name), 1;
    same 'delivered', $inbox->size, 0;
    my %notify = (on_cancel => sub ($frame) { $cancelled->put($frame->method_frame) });
    $tag = $inbox->consume($channel, queue => $name, %notify);
    truly "$tag is a tag of the server's", $tag =~ /^amq\.ctag-/;
    same 'body', $inbox->next->{body}->payload, 'after';
    call($session->open_channel, delete_queue => queue => $name);
    my $method = $cancelled->next('basic.cancel');
    truly 'the broker has cancelled it: ' . ref $method, $method->isa('Net::AMQP::Protocol::Basic::Cancel');
    same 'the consumer that was cancelled', $method->consumer_tag, $tag;
    return;
}

sub reconnect ($session) {
    my ($inbox, $closed) = map { Inbox->new } 1, 2;
    my $connection = $session->connect(on_close => sub ($reason) { $closed->put($reason) });
    my $channel    = $session->open_channel($connection);
    my $name       = $session->queue('reconnect');
    call($channel, declare_queue => queue => $name, durable => 1);
    $inbox->consume($channel, queue => $name, no_ack => 0);
    send_to($channel, $name, 'before');
    acknowledge($channel, $inbox->next, 'before');
    call($channel, qos => prefetch_count => 1);    # its answer proves that the acknowledgement has arrived
    ask('close-connections');
    my $reason = text($closed->next('the close'));
    truly "the client reports it: $reason", $reason =~ /^320 CONNECTION_FORCED/;
    truly 'the client knows that it is closed', !$connection->is_open;
    $channel = $session->open_channel($session->connect);
    $inbox->consume($channel, queue => $name, no_ack => 0);
    send_to($channel, $name, 'after');
    acknowledge($channel, $inbox->next, 'after');
    return;
}

sub acknowledge ($channel, $message, $body) {
    same 'body', $message->{body}->payload, $body;
    $channel->ack(delivery_tag => $message->{deliver}->method_frame->delivery_tag);
    return;
}

1;
