#!/bin/sh
# Runs the unit watched.service, of the directory $1, in a systemd --user of its own, and prints what
# became of it. It wants mount and PID namespaces of its own.
cd "$1"
mount -t tmpfs none /run
mkdir -p /run/systemd/system /run/user/0 .config/systemd/user # the first says that systemd is PID 1 here
umount -l /sys/fs/cgroup 2>/dev/null
mount -t cgroup2 none /sys/fs/cgroup || exit 77
mine="/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)/manager"
mkdir -p "$mine" && echo $$ >"$mine/cgroup.procs" || exit 77
cp watched.service .config/systemd/user
export XDG_RUNTIME_DIR=/run/user/0 HOME="$1"
/lib/systemd/systemd --user &
manager=$!
until systemctl --user start watched.service 2>said; do
	kill -0 $manager || { cat said; exit 1; }
	sleep 0.1
done
state=active
while [ "$state" = active ]; do
	sleep 0.1
	state=$(systemctl --user show watched.service -p ActiveState --value)
done
systemctl --user show watched.service -p Result --value
kill $manager
wait $manager
find "$mine" -depth -type d -exec rmdir {} + 2>/dev/null
echo $$ >"$mine/../cgroup.procs"
rmdir "$mine"
exit 0
