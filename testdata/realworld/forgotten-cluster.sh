#!/bin/sh
# A test script that needs a database: starts a cluster of its own and forgets it.
#
#     forgotten-cluster.sh BINDIR forget|with-a-client
#
# The cluster is in ./data and listens only on a unix socket in this directory. With `with-a-client`
# a client is still connected at the end, whom a "smart" shutdown would wait for.
set -eu
bin=$1
"$bin/pg_ctl" --pgdata=data --log=log --wait start \
	--options="-c listen_addresses='' -c unix_socket_directories='$PWD'" >&2
"$bin/psql" --host="$PWD" --dbname=postgres --quiet --command='create table if not exists t (n int)'
"$bin/psql" --host="$PWD" --dbname=postgres --quiet --command='insert into t values (1)'
if [ "$2" = with-a-client ]; then
	"$bin/psql" --host="$PWD" --dbname=postgres --quiet --command='select pg_sleep(120)' &
	# Only once the server knows of the client is it a client.
	until "$bin/psql" --host="$PWD" --dbname=postgres --no-align --tuples-only \
		--command="select 'here' from pg_stat_activity where wait_event = 'PgSleep'" | grep -q here; do :; done
fi
echo done
