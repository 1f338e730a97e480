package Inbox;

# What callbacks bring, in order, and waiting for the next of it.

use v5.36;

use AnyEvent;
use Session ();

sub new ($class) { return bless {items => [], waiting => undef}, $class }

sub size ($self) { return scalar @{$self->{items}} }

sub put ($self, $item) {
    push @{$self->{items}}, $item;
    $self->{waiting}->send if $self->{waiting};
    return;
}

sub next ($self, $what = 'a message') {
    while (!@{$self->{items}}) {
        $self->{waiting} = AE::cv;
        my $timer = AE::timer Session::DEADLINE, 0, sub { $self->{waiting}->croak("$what did not come") };
        $self->{waiting}->recv;
    }
    return shift @{$self->{items}};
}

# A consumer whose deliveries come here; returns its tag.
sub consume ($self, $channel, %arguments) {
    my $ok = Session::call($channel, consume => %arguments, on_consume => sub ($message) { $self->put($message) });
    return $ok->method_frame->consumer_tag;
}

1;
