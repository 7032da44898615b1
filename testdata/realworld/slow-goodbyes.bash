#!/bin/bash
# Ten workers that need two seconds to say goodbye, in a parent that does not wait for them:
# slow-goodbyes.py in the language most of them are written in.
#
#     slow-goodbyes.bash at-once|in-the-middle
#
# The clean-up is a command of its own, as it is in every script (a dump, an upload, a
# `docker stop`), and the line is only written where that command was let finish. So whoever
# tells what is left of the tree to stop must not tell the clean-up, which was born to end by itself;
# nor the worker again, which takes a second signal for impatience, as most scripts do.
#
# The parent exits at once, or when it knows that every worker is in the middle of its clean-up (or
# that they are not, for nobody has told them).

worker() {
	trap 'clean_up' TERM
	echo >&"$ready"
	# The shell runs a trap at once only when it is in `wait`. Bounded, in case nobody ever ends us.
	sleep 120 &
	wait $!
	exit 1
}

clean_up() {
	trap - TERM
	echo >&"$cleaning"
	sleep 2 && echo "$number" >>goodbyes
	exit 0
}

ten_lines() {
	for number in 1 2 3 4 5 6 7 8 9 10; do
		read -r -t "$2" <&"$1" || return
	done
}

mkfifo workers-ready workers-cleaning
exec {ready}<>workers-ready {cleaning}<>workers-cleaning
case $1 in
at-once) trap 'exit 0' TERM ;;
in-the-middle) trap 'ten_lines "$cleaning" 3; exit 0' TERM ;;
esac
for number in 1 2 3 4 5 6 7 8 9 10; do
	worker &
done
ten_lines "$ready" 60 || exit 1
: >ready
wait
