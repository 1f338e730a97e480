package Scenarios::Consuming;

# Getting, settling, prefetch and replies.

use v5.36;

use Comparing;
use Inbox;
use Session;

sub filled ($session, $channel, $suffix, $number, %arguments) {
    my $name = $session->queue($suffix);
    call($channel, declare_queue => queue => $name, arguments => \%arguments);
    call($channel, 'confirm');
    confirmed($channel, map { {exchange => '', routing_key => $name, body => "$_"} } 1 .. $number);
    return $name;
}

# The delivery tag of a message that was got or delivered.
sub got ($message, $body, $redelivered) {
    same 'body', $message->{body} && $message->{body}->payload, $body;
    my $method = ($message->{ok} // $message->{deliver})->method_frame;
    same 'redelivered', $method->redelivered, $redelivered;
    return $method->delivery_tag;
}

sub get ($session) {
    my $connection = $session->connect;
    my $channel    = $session->open_channel($connection);
    my $empty      = $session->queue('empty');
    call($channel, declare_queue => queue => $empty);
    truly 'an empty queue is empty', call($channel, get => queue => $empty, no_ack => 0)->{empty};
    my $name    = filled($session, $channel, 'get', 3);
    my $message = call($channel, get => queue => $name, no_ack => 0);
    my $tag     = got($message, 1, 0);
    same 'message count', $message->{ok}->method_frame->message_count, 2;
    $channel->ack(delivery_tag => $tag);
    got(call($channel, get => queue => $name, no_ack => 1), 2, 0);
    got(call($channel, get => queue => $name, no_ack => 0), 3, 0);
    call($channel, 'close');
    $channel = $session->open_channel($connection);
    $channel->ack(delivery_tag => got(call($channel, get => queue => $name, no_ack => 0), 3, 1));
    truly 'the queue is empty', call($channel, get => queue => $name)->{empty};
    return;
}

# The client has no nack, and its codec cannot read x-death, which holds a 64-bit integer: dead letters are counted.
sub requeue ($session) {
    my $connection = $session->connect;
    my $channel    = $session->open_channel($connection);
    my $dead       = $session->queue('dead');
    call($channel, declare_queue => queue => $dead);
    my %letters = ('x-dead-letter-exchange' => '', 'x-dead-letter-routing-key' => $dead);
    my $name    = filled($session, $channel, 'requeue', 5, %letters);
    call($channel, qos => prefetch_count => 5);
    my $inbox = Inbox->new;
    $inbox->consume($channel, queue => $name, no_ack => 0);
    my @tags = map { got($inbox->next, $_, 0) } 1 .. 5;
    $channel->reject(delivery_tag => $tags[0]);
    $channel->reject(delivery_tag => $tags[1]);
    $channel->reject(delivery_tag => $tags[3], requeue => 1);
    $channel->ack(delivery_tag => $tags[4]);
    $channel->reject(delivery_tag => $tags[2], requeue => 1);
    my @again = map { $inbox->next } 1, 2;
    my $last  = $again[1]->{deliver}->method_frame->delivery_tag;
    my ($three, $four) = sort { $a->{body}->payload cmp $b->{body}->payload } @again;
    got($three, 3, 1);
    got($four,  4, 1);
    $channel->ack(delivery_tag => $last, multiple => 1);
    call($channel, 'close');
    $channel = $session->open_channel($connection);
    same 'left', count($channel, $name), 0;
    # both were published before the channel was closed, and a deleted queue tells all that it has
    same 'dead letters', call($channel, delete_queue => queue => $dead)->method_frame->message_count, 2;
    return;
}

sub prefetch ($session) {
    my $channel = $session->open_channel;
    my $name    = filled($session, $channel, 'prefetch', 10);
    call($channel, qos => prefetch_count => 3);
    my $inbox = Inbox->new;
    $inbox->consume($channel, queue => $name, no_ack => 0);
    my @held = map { got($inbox->next, $_, 0) } 1 .. 3;
    for my $number (4 .. 10) {
        same 'ready while three are held', count($channel, $name), 11 - $number;
        same 'on their way', $inbox->size, 0;
        $channel->ack(delivery_tag => shift @held);
        push @held, got($inbox->next, $number, 0);
    }
    same 'ready at the end', count($channel, $name), 0;
    $channel->ack(delivery_tag => $held[-1], multiple => 1);
    return;
}

sub reply_to ($session) {
    my ($requester, $responder) = map { $session->open_channel } 1, 2;
    my $requests = $session->queue('requests');
    call($responder, declare_queue => queue => $requests);
    call($responder, consume => queue => $requests, on_consume => sub ($request) {
        my $header = $request->{header};
        my $answer = 're: ' . $request->{body}->payload;
        send_to($responder, $header->reply_to, $answer, correlation_id => $header->correlation_id);
    });
    my $answers = Inbox->new;
    $answers->consume($requester, queue => 'amq.rabbitmq.reply-to', no_ack => 1);
    for my $number (1 .. 10) {
        send_to($requester, $requests, "$number", reply_to => 'amq.rabbitmq.reply-to', correlation_id => "c$number");
    }
    for my $number (1 .. 10) {
        my $answer = $answers->next;
        same 'answer', $answer->{body}->payload, "re: $number";
        same 'correlation id', $answer->{header}->correlation_id, "c$number";
    }
    return;
}

1;
