# `driver.pl SCENARIO`: exits with 0 when the client saw all that the scenario asks for, else with 1 and the reason.

use v5.36;

use FindBin;
use lib $FindBin::Bin;

use Session;
use Scenarios::Connections;
use Scenarios::Consuming;
use Scenarios::Contents;
use Scenarios::Lifetimes;
use Scenarios::Publishing;
use Scenarios::Topology;

my %scenarios = (
    'connect-options' => \&Scenarios::Connections::connect_options,
    'heartbeats'      => \&Scenarios::Connections::heartbeats,
    'tls'             => \&Scenarios::Connections::tls,
    'declare-bind'    => \&Scenarios::Topology::declare_bind,
    'publish-consume' => \&Scenarios::Contents::publish_consume,
    'large-message'   => \&Scenarios::Contents::large_message,
    'confirms'        => \&Scenarios::Publishing::confirms,
    'mandatory'       => \&Scenarios::Publishing::mandatory,
    'transactions'    => \&Scenarios::Publishing::transactions,
    'get'             => \&Scenarios::Consuming::get,
    'requeue'         => \&Scenarios::Consuming::requeue,
    'prefetch'        => \&Scenarios::Consuming::prefetch,
    'reply-to'        => \&Scenarios::Consuming::reply_to,
    'exclusive'       => \&Scenarios::Lifetimes::exclusive,
    'cancel'          => \&Scenarios::Lifetimes::cancel,
    'reconnect'       => \&Scenarios::Lifetimes::reconnect,
);

my $name     = shift // '';
my $scenario = $scenarios{$name} or die "no scenario '$name'\n";
my $session  = Session->new;
my $passed   = eval { $scenario->($session); 1 };
print STDERR $@ unless $passed;
eval { $session->clean_up; 1 } or do { print STDERR $@; $passed = 0 };
exit($passed ? 0 : 1);
