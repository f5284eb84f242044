# What the scripts of cases/closed are made of. BIN, PEER and CLOSED are given:
# CLOSED is a redirection.
# shellcheck shell=dash disable=SC2154
PATH=$BIN:/usr/sbin:/usr/bin:/sbin:/bin

shut() { eval '"$@"' "$CLOSED"; }

# listening SCRIPT COMMAND...: a client of a server on ./sock; its status.
listening() {
	script=$1 left=500
	shift
	eval 'exec "$@"' "$CLOSED" &
	until [ -S sock ] || [ "$((left -= 1))" -eq 0 ]; do
		sleep 0.02
	done
	status=0
	python3 -SE "$PEER" client ./sock "$script" || status=$?
	kill $!
	wait
	rm -f sock
	return $status
}
