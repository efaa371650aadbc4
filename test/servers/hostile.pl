#!/usr/bin/perl
# Tries to get out of wherever it runs, and reports each attempt as an MCP log notification.
# Perl, because its core can make any system call. Arguments: NAME=VALUE.
use strict;
use warnings;
use Socket qw(AF_INET AF_UNIX SOCK_STREAM SOCK_DGRAM PF_UNSPEC inet_aton pack_sockaddr_in pack_sockaddr_un);
use POSIX ();
$| = 1;

my %set = map { /^([a-z_0-9]+)=(.*)$/s ? ($1 => $2) : () } @ARGV;
my $nr = { map { /^nr_(.*)/ ? ($1 => $set{$_}) : () } keys %set };

sub report {
    my ($attempt, $succeeded, $detail) = @_;
    $detail = "" unless defined $detail;
    $detail =~ s/([^ !#-\[\]-~])/sprintf("\\u%04x", ord $1)/ge;
    printf "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{\"level\":\"info\",\"data\":{\"attempt\":\"%s\",\"succeeded\":%s,\"detail\":\"%s\"}}}\n",
      $attempt, $succeeded ? "true" : "false", substr($detail, 0, 400);
}

sub slurp { my ($file) = @_; local $/; open(my $in, "<", $file) or return undef; my $text = <$in>; close $in; return $text; }
sub call { my ($name, @args) = @_; $! = 0; my $result = syscall($nr->{$name}, @args); return ($result != -1, "$!"); }

# --- other processes
my ($seen, $environ) = ("", "");
for my $dir (glob "/proc/[0-9]*") {
    my $line = slurp("$dir/cmdline");
    $seen = $dir if defined $line && index($line, $set{marker}) >= 0 && $dir ne "/proc/$$" && index($line, "hostile.pl") < 0;
    my $env = slurp("$dir/environ");
    $environ = $dir if defined $env && index($env, $set{canary}) >= 0;
    for my $thread (glob "$dir/task/*") {
        $env = slurp("$thread/environ");
        $environ = $thread if defined $env && index($env, $set{canary}) >= 0;
    }
}
report("see a host process", $seen ne "", $seen);
report("read a process's environment", $environ ne "", $environ);
report("signal a host process", kill("USR1", $set{victim}) > 0, "$!");
report("read a host process's memory", defined slurp("/proc/$set{victim}/maps"), "$!");

# --- files
my $secret = slurp($set{secret});
report("read a file outside the roots", defined $secret, $secret);
report("read it by way of a root's symbolic link", defined slurp("$set{root}/link-out"), "$!");
report("read it by way of /proc/1/root", defined slurp("/proc/1/root$set{secret}"), "$!");
report("read it by way of /proc/self/root/..", defined slurp("/proc/self/root/../../..$set{secret}"), "$!");
for my $place ("$set{root}/planted", "$set{outside}/planted", split(/:/, $set{more_places} || "")) {
    report("write $place", (open(my $out, ">", $place) ? 1 : 0), "$!");
}
report("remount a root writable", (call("mount", 0, "$set{root}\0", 0, 0x1020, 0))[0] && (open(my $o, ">", "$set{root}/planted2") ? 1 : 0), "$!");

# --- sockets
sub tcp {
    my ($host, $port) = @_;
    socket(my $sock, AF_INET, SOCK_STREAM, 0) or return (0, "socket: $!");
    local $SIG{ALRM} = sub { die "timeout" };
    my $ok = eval { alarm 3; my $r = connect($sock, pack_sockaddr_in($port, inet_aton($host))); alarm 0; $r };
    return ($ok ? 1 : 0, "$!");
}
report("connect to loopback", tcp("127.0.0.1", $set{port}));
for my $address (split /,/, $set{addresses} || "") { report("connect to $address", tcp($address, $set{port})); }
report("connect to an outside address", tcp(split /:/, $set{outer})) if $set{outer};
{
    my ($sock, $one, $two);
    my $ok = socket($sock, AF_UNIX, SOCK_STREAM, 0) && connect($sock, pack_sockaddr_un($set{unix}));
    report("connect to a socket file in a root", $ok, "$!");
    $ok = socket($sock, AF_UNIX, SOCK_STREAM, 0) && connect($sock, pack_sockaddr_un("\0$set{abstract}"));
    report("connect to an abstract socket", $ok, "$!");
    $ok = socketpair($one, $two, AF_UNIX, SOCK_DGRAM, PF_UNSPEC) && connect($one, pack_sockaddr_un($set{unix_datagram})) && send($one, "out", 0);
    report("reach a datagram socket through a pair", $ok, "$!");
}
report("open a vsock socket", (call("socket", 40, 1, 0)));
report("open a netlink audit socket", (call("socket", 16, 3, 9)));
report("open a packet socket", (call("socket", 17, 3, 0)));
report("open a raw socket", (call("socket", 2, 3, 1)));
report("open an AF_ALG socket", (call("socket", 38, 5, 0)));

# --- namespaces, mounts, capabilities; each in a child, so that one success does not help the next
sub in_child {
    my ($name, $code) = @_;
    pipe(my $from, my $to);
    my $pid = fork();
    if (!defined $pid) { report($name, 0, "fork: $!"); return; }
    if ($pid == 0) { my ($ok, $why) = $code->(); syswrite($to, ($ok ? "1" : "0") . (defined $why ? $why : "")); POSIX::_exit(0); }
    close $to;
    my $answer = do { local $/; <$from> };
    waitpid($pid, 0);
    report($name, substr($answer, 0, 1) eq "1", substr($answer, 1));
}
my %flags = (user => 0x10000000, net => 0x40000000, mnt => 0x00020000, pid => 0x20000000, ipc => 0x08000000, uts => 0x04000000, cgroup => 0x02000000, time => 0x80);
for my $kind (sort keys %flags) { in_child("unshare a $kind namespace", sub { call("unshare", $flags{$kind}) }); }
in_child("clone into a user namespace", sub { my ($ok, $why) = call("clone", 0x10000000 | 17, 0, 0, 0, 0); ($ok, $why) });
in_child("clone3 into a user namespace", sub { my $args = pack("Q8", 0x10000000, 0, 0, 0, 17, 0, 0, 0); call("clone3", $args, 64) });
in_child("enter a namespace", sub { open(my $ns, "<", "/proc/$set{victim}/ns/uts") or return (0, "$!"); call("setns", fileno($ns), 0) });
in_child("mount a file system", sub { call("mount", "none\0", "$set{outside_mount}\0", "tmpfs\0", 0, 0) });
in_child("set the host name", sub { call("sethostname", "taken\0", 5) });
in_child("become root", sub { my ($ok, $why) = call("setuid", 0); ($ok && $< == 0 && -w "/proc/sys/kernel/hostname", $why) });
in_child("make a device", sub { call("mknodat", -100, "$set{scratch}/device\0", 0020666, 0x0103) });
in_child("be traced", sub { call("ptrace", 0, 0, 0, 0) });
in_child("add a key", sub { call("add_key", "user\0", "sallyport-test\0", "x", 1, -2) });
in_child("set up io_uring", sub { my $params = "\0" x 120; call("io_uring_setup", 4, $params) });
in_child("write the kernel's settings", sub { my $out; (open($out, ">", "/proc/sys/kernel/domainname") && syswrite($out, "taken")) ? (1, "") : (0, "$!") });
in_child("push characters into the terminal", sub { my $c = "x"; my ($ok, $why) = call("ioctl", 0, 0x5412, $c); ($ok || $why !~ /not permitted/, $why) });

# --- every call that the filter names, with empty arguments: refused before the kernel looks at them
for my $name (split /,/, $set{denied} || "") {
    in_child("call $name", sub { my ($ok, $why) = call($name, 0, 0, 0, 0, 0); ($ok || $why !~ /not permitted/, $why) });
}

# --- what was inherited
report("find descriptors left open", scalar(grep { m{/(\d+)$} && $1 > 2 && !/^\/proc\/$$\/fd\/3$/ } glob "/proc/$$/fd/*") > 1, join(" ", glob "/proc/$$/fd/*"));
report("find variables beyond the allow-list", scalar(grep { !/^(PATH|HOME|USER|LOGNAME|SHELL|TERM|LANG|LC_[A-Z]+|TZ|TMPDIR|NODE_ENV|_)$/ } keys %ENV) > 0, join(" ", sort keys %ENV));
report("done", 1, "");
