package Comparing;

# What was seen against what must be seen. Perl does not tell 1 from '1', but undef from ''.

use v5.36;

use Carp qw(confess);
use Data::Dumper ();
use Exporter qw(import);

our @EXPORT = qw(same truly);

sub shown ($value) {
    local $Data::Dumper::Terse    = 1;
    local $Data::Dumper::Indent   = 0;
    local $Data::Dumper::Sortkeys = 1;
    local $Data::Dumper::Useqq    = 1;
    local $Data::Dumper::Useperl  = 1;    # the other one shows whether a number has been used as text
    return Data::Dumper::Dumper($value);
}

sub same ($what, $actual, $expected) {
    my ($seen, $right) = map { shown($_) } $actual, $expected;
    return if $seen eq $right;
    confess "$what: " . substr($seen, 0, 600) . ' where ' . substr($right, 0, 600) . ' is right';
}

sub truly ($what, $condition) {
    confess "not so: $what" unless $condition;
    return;
}

1;
