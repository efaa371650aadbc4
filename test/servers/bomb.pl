#!/usr/bin/perl
# Takes as much as it can get of one thing, and says how much that was.
use strict;
use warnings;
$| = 1;

sub say_data { my ($data) = @_; print "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{\"level\":\"info\",\"data\":{$data}}}\n"; }

my $kind = shift @ARGV;
if ($kind eq "fork") {
    my $made = 0;
    while ($made < 20000) { my $pid = fork(); last unless defined $pid; if ($pid == 0) { sleep 600; exit 0; } $made++; }
    say_data("\"made\":$made");
} elsif ($kind eq "memory") {
    my @held;
    for my $mib (1 .. 4096) { push @held, "x" x (1024 * 1024); say_data("\"held\":$mib") if $mib % 64 == 0; }
} elsif ($kind eq "disk") {
    my $written = 0;
    my $block = "x" x (1024 * 1024);
    FILE: for my $number (1 .. 4096) {
        open(my $out, ">", "$ENV{TMPDIR}/fill-$number") or last;
        for (1 .. 64) { my $done = syswrite($out, $block); last FILE unless defined $done && $done == length $block; $written++; }
    }
    say_data("\"written\":$written");
} elsif ($kind eq "files") {
    my @open;
    while (@open < 100000) { open(my $in, "<", "/dev/null") or last; push @open, $in; }
    say_data("\"opened\":" . scalar @open);
}
say_data("\"done\":true");
<STDIN>;
