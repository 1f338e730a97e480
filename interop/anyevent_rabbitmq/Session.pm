package Session;

# The connections of a run, the names that were made on them, requests to the runner, and the end of all of it. The
# client is asynchronous; each call here waits for its answer, with a deadline.

use v5.36;

use AnyEvent;
use AnyEvent::RabbitMQ;
use Comparing;
use Exporter qw(import);

our @EXPORT = qw(wait_for ask call count closed_with confirmed send_to text);

use constant DEADLINE => 20;

sub new ($class) {
    AnyEvent::RabbitMQ->new->load_xml_spec;
    return bless {prefix => $ENV{INTEROP_PREFIX}, connections => [], queues => [], exchanges => []}, $class;
}

sub prefix ($self) { return $self->{prefix} }

# A queue's name that is deleted at the end, whatever happens.
sub queue ($self, $suffix) {
    push @{$self->{queues}}, "$self->{prefix}-$suffix";
    return $self->{queues}[-1];
}

sub exchange ($self, $suffix) {
    push @{$self->{exchanges}}, "$self->{prefix}-$suffix";
    return $self->{exchanges}[-1];
}

# The result of $start, which is given a callback for success and one for failure. Text that it fails with is thrown.
sub wait_for ($what, $start) {
    my $done  = AE::cv;
    my $timer = AE::timer DEADLINE, 0, sub { $done->croak("$what: no answer within ${\ DEADLINE} s") };
    $start->(sub { $done->send(@_) }, sub { $done->croak("$what: " . join ' ', map { text($_) } @_) });
    my @result = $done->recv;
    return wantarray ? @result : $result[0];
}

# What the client gives as a reason: a text, or a frame that holds a close method.
sub text ($reason) {
    return $reason // 'nothing' unless ref $reason && $reason->can('method_frame');
    my $method = $reason->method_frame;
    return join ' ', map { $_ // '' } $method->reply_code, $method->reply_text;
}

# A connection; `new` holds what the constructor gets, `on_close` hears of its end.
sub connect ($self, %options) {
    my ($scheme, $user, $password, $host, $port, $vhost) = address(delete $options{url} // $ENV{AMQP_URL});
    my $connection = AnyEvent::RabbitMQ->new(%{delete $options{new} // {}});
    push @{$self->{connections}}, $connection;
    my $on_close = delete $options{on_close} // sub { };
    wait_for connect => sub ($ok, $failed) {
        my $opened;
        $connection->connect(
            host              => $host,
            port              => $port,
            user              => $user,
            pass              => $password,
            vhost             => $vhost,
            timeout           => DEADLINE,
            on_success        => sub { $opened = 1; $ok->($connection) },
            on_failure        => $failed,
            on_read_failure   => $failed,
            on_close          => sub { $opened ? $on_close->(@_) : $failed->(@_) },
            %options,
        );
    };
    return $connection;
}

sub address ($url) {
    $url =~ m{^(amqps?)://([^:]+):([^@]+)@([^:/]+):(\d+)/(.*)$} or die "no URL that this driver can read: $url\n";
    my @parts = ($1, $2, $3, $4, $5, $6);
    s/%([0-9A-Fa-f]{2})/chr hex $1/ge for @parts;
    return @parts;
}

sub open_channel ($self, $connection = $self->connect, %options) {
    return wait_for open_channel => sub ($ok, $failed) {
        $connection->open_channel(%options, on_success => $ok, on_failure => $failed);
    };
}

sub clean_up ($self) {
    for my $connection (grep { $_->is_open } @{$self->{connections}}) {
        call($connection, 'close');
    }
    my $connection = $self->connect;
    my $channel    = $self->open_channel($connection);
    call($channel, delete_queue    => queue    => $_) for @{$self->{queues}};
    call($channel, delete_exchange => exchange => $_) for @{$self->{exchanges}};
    call($connection, 'close');
    return;
}

# Call a method of a channel or a connection and return what its success brings.
sub call ($object, $method, %arguments) {
    return wait_for $method => sub ($ok, $failed) {
        $object->$method(%arguments, on_success => $ok, on_failure => $failed);
    };
}

sub count ($channel, $queue) {
    return call($channel, declare_queue => queue => $queue, passive => 1)->method_frame->message_count;
}

# Publish through the default exchange with these properties and no others; the client always adds a table of headers.
sub send_to ($channel, $queue, $body, %properties) {
    my %absent = map { $_ => undef } qw(content_type delivery_mode priority timestamp user_id);
    $channel->publish(exchange => '', routing_key => $queue, body => $body, header => {%absent, %properties});
    return;
}

# Publish on a channel in confirm mode and wait for the confirms. As long as they are not there, RabbitMQ may count the
# messages of a queue without them.
sub confirmed ($channel, @publishes) {
    my @acks = map {
        my $publish = $_;
        my $ack     = AE::cv;
        $channel->publish(
            %$publish,
            on_ack  => sub { $ack->send('ack') },
            on_nack => sub { $ack->send('nack') },
        );
        $ack;
    } @publishes;
    my $timer = AE::timer DEADLINE, 0, sub { $_->croak("no confirm within ${\ DEADLINE} s") for @acks };
    return map { $_->recv } @acks;
}

# A call on a channel of its own, after which that channel must be closed with this code; returns the text.
sub closed_with ($session, $connection, $code, $start) {
    my $closed   = AE::cv;
    my $timer    = AE::timer DEADLINE, 0, sub { $closed->croak("not answered with $code") };
    my $on_close = sub ($frame) { $closed->send($frame->method_frame) };
    my $channel  = $session->open_channel($connection, on_close => $on_close);
    $start->($channel, on_success => sub { $closed->croak("went through where $code is right") }, on_failure => sub {});
    my $close = $closed->recv;
    same 'reply code', $close->reply_code, $code;
    return $close->reply_text;
}

sub ask ($request) {
    local $| = 1;
    print "\@ $request\n";
    my $answer = <STDIN> // '';
    truly "the runner has done '$request': $answer", $answer eq "done\n";
    return;
}

1;
