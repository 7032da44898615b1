# What the shell parts of the scripts share. They read it with: . "$lib"

# parent_of PID prints the parent of a process.
parent_of() {
	sed -n 's/^PPid:[[:space:]]*//p' /proc/$1/status
}

# runner prints the process that the caller knows as lastout: our parent, or that one's if our parent is a worker.
runner() {
	case $(cat /proc/$PPID/comm) in
	'lastout: worker') parent_of $PPID ;;
	*) echo $PPID ;;
	esac
}

# executed PID WORDS returns when a child has executed a command that begins so. Before that it is this shell: a signal
# that this shell has a trap for would be lost.
executed() {
	until
		case $(tr '\0' ' ' </proc/$1/cmdline) in
		"$2 "*) ;;
		*) false ;;
		esac
	do :; done
}

# sleeper starts what awake waits for, in a session of its own, where no signal to a process group finds it. It has to be there
# before the signal that is to end it is asked for: so none comes too early.
sleeper() {
	setsid sleep 300 &
	sleeper=$!
	executed $sleeper sleep
}

# tell SIGNAL... tells of signals on stdout, a line each; they wake awake.
tell() {
	for signal; do
		trap "echo $signal; kill -KILL \$sleeper" $signal
	done
}

# awake returns when the sleeper has been killed. The first wait may end because of the signal itself.
awake() {
	wait $sleeper
	wait $sleeper
	return 0
} 2>/dev/null
