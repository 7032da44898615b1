#!/bin/sh
# remote-job.sh DIR: a job on another machine, with a daemon that ignores TERM. It writes a line into the named pipe DIR/up when
# both stand, and one into DIR/goodbye when it gets TERM.
trap 'echo goodbye >"$1/goodbye"; exit' TERM
trap '' HUP PIPE
setsid sh -c 'trap "" TERM HUP; echo >"$0/daemon"; exec sleep 120' "$1" &
until [ -e "$1/daemon" ]; do sleep 0.02; done
sleep 120 &
echo up >"$1/up"
wait
