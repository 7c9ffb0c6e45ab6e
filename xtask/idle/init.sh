#!/bin/sh
# The first process of the small system: makes it one on which the test can run, runs it, tells how it
# ended, and switches the system off. The kernel's command line says ROOT, the checkout, and TEST, the
# program with the test in it.
echo "idle: begun"
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs tmp /tmp
ip link set lo up
# What the machine that lends its files may not give.
echo 1048576 >/proc/sys/fs/file-max
ulimit -n 1048576
# The example is built, and cannot be built here: its folder is the machine's, and read only.
mount --bind /dev/null "$ROOT/examples/hello/build.sh"
export HOME=/tmp PATH=/usr/local/bin:/usr/bin:/bin
cd "$ROOT/crates/gtc" && "$TEST" --nocapture --exact idle::connections_that_wait_cost_little_and_harm_nobody
echo "idle: ended with $?"
echo o >/proc/sysrq-trigger
# The first process may not end before its system.
sleep 60
