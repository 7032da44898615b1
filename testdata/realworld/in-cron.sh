#!/bin/sh
# Runs cron(8) in mount and PID namespaces of its own, with nothing but the crontab of the directory $1; what it mails goes there, too.
set -e
cd "$1"
mount -t tmpfs none /run
mkdir -p crontabs cron.d sbin mail
install -m 600 crontab crontabs/root
: >empty
mount --bind crontabs /var/spool/cron/crontabs
mount --bind cron.d /etc/cron.d
mount --bind empty /etc/crontab
cat >sbin/sendmail <<END
#!/bin/sh
cat >"$1/mail/.\$\$" && mv "$1/mail/.\$\$" "$1/mail/\$\$"
END
chmod 755 sbin/sendmail
mount -t overlay -o lowerdir="$1/sbin:/usr/sbin" none /usr/sbin
exec /usr/sbin/cron -f
