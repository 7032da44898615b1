package proc

// ParseSchedstat reads how often a thread was given a processor: the third number of
// /proc/PID/task/TID/schedstat (Documentation/scheduler/sched-stats.rst).
func ParseSchedstat(b []byte) (runs uint64, ok bool) {
	for field := 1; ; field++ {
		v, n := parseUint(b)
		if n == 0 {
			return 0, false
		}
		if field == 3 {
			return v, true
		}
		if b = b[n:]; len(b) > 0 {
			b = b[1:]
		}
	}
}
