// Package realworld runs programs that people really have, in the ways in which they really leave
// processes behind, under lastout and under `tini -s`.
//
// It holds only tests. Each situation runs twice: lastout must return with nothing left and with
// what the program was promised done; and tini, a good init for a container, shows whether the
// situation bites at all. Both verdicts are asserted, so that a situation that proves nothing (any
// more) fails here instead of passing for ever.
//
// Lines of a crontab are run by a cron of their own, in namespaces, until its second minute is
// over; and the programs that such lines are made of today, beside the flags of lastout in their
// place.
//
// The programs come from Debian's packages, which the file `packages` lists. A test whose program
// is not installed is skipped and says which package it wants; with LASTOUT_REQUIRE_PEERS=1 in the
// environment it fails.
package realworld
