#!/bin/bash
# The script between the web server and the work. The last line keeps bash from becoming perl.
/usr/bin/perl "${0%/*}/slow-report.pl"
echo "report $?"
