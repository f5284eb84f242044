# Job and result lines of a batch (tests/drv/batch.c).
load lib

setup() {
	sandbox
	PATH=$BUILD/drv:$PATH
}

@test "a job reads back as it was written" {
	printf '%b\n' 'q1\t/a b/c\t120\t4096\t<a@x> RET=HDRS ENVID=q\t<b@x>' \
		'q2\tf\t0\t-\t<>\t<"a > b\\" c"@x> NOTIFY=NEVER\t<ü@x>\t<c@x>' > jobs
	batch job < jobs > got
	sed '1s/^/1: /;2s/^/3: /' jobs > want
	same got < want
}

@test "what is no job is refused, with the reason" {
	{
		printf 'q1\n\tf\t0\t-\t<a@x>\t<b@x>\n'
		printf 'q\t\t0\t-\t<a@x>\t<b@x>\n'
		printf 'q\tf\t-1\t-\t<a@x>\t<b@x>\n'
		printf 'q\tf\t5\t-\t<a@x>\t<b@x>\n'
		printf 'q\tf\t0\t1x\t<a@x>\t<b@x>\n'
		printf 'q\tf\t0\t99999999999999999999\t<a@x>\t<b@x>\n'
		printf 'q\tf\t0\t1\ta@x\t<b@x>\n'
		printf 'q\tf\t0\t1\t<a@x>\n'
		printf 'q\tf\t0\t1\t<a@x>\t<>\n'
		printf 'q\tf\t0\t1\t<a@x>\t<b@x>\t\n'
		printf 'q\tf\t0\t1\t<a@x>\t<b@x>x\n'
		printf 'q\tf\t0\t1\t<a@x>\t<b @x>\n'
		printf 'q\tf\t0\t1\t<a@x>\t<b@x>\r\n'
		printf 'q\tf\t0\t1\t<a@x>\t<b\0@x>\n'
		printf 'q\tf\t0\t1\t<a@x>\t<b\033@x>\n'
		printf '%0129d\tf\t0\t1\t<a@x>\t<b@x>\n' 0
	} > jobs
	batch job < jobs > got
	same got <<- 'END'
		bad: no PATH, OFFSET and SIZE
		bad: no ID, or one of over 128 octets
		bad: no PATH, OFFSET and SIZE
		bad: no PATH, OFFSET and SIZE
		bad: no PATH, OFFSET and SIZE
		bad: no PATH, OFFSET and SIZE
		bad: no PATH, OFFSET and SIZE
		bad: no <sender>
		bad: no <rcpt>
		bad: no <rcpt>
		bad: no <rcpt>
		bad: no <rcpt>
		bad: no <rcpt>
		bad: NUL or CR in it
		bad: NUL or CR in it
		bad: no <rcpt>
		bad: no ID, or one of over 128 octets
	END
}

@test "a result reads back as it was written" {
	printf '%b\n' 'q1\t<b@x>\tok\t250\t2.0.0\tqueued as 17' \
		'q1\t<"x y"@x>\tunsure\t000\t-\tconnection lost' \
		'q1\t<c@x>\ttemp\t451\t-\t' 'q1\t<d@x>\tperm\t550\t5.1.1\tno' > results
	batch result < results > got
	same got < results
}

@test "a result has 500 octets at most, controls escaped" {
	printf 'q\t<b@x>\tok\t250\t-\ta\033[2Jb\n' > results
	batch result < results > got
	same got <<< $'q\t<b@x>\tok\t250\t-\ta\\x1b[2Jb'
	printf 'q\t<b@x>\tok\t250\t-\t%0600d\n' 0 > results
	batch result < results | wc -c > got
	same got <<< 500
}

@test "what is no result is refused" {
	printf '%b\n' 'q\t<b@x>\tok\t250\t-' 'q\tb@x\tok\t250\t-\tx' \
		'q\t<b@x>\tfine\t250\t-\tx' 'q\t<b@x>\tok\t25\t-\tx' \
		'q\t<b@x>\tok\t600\t-\tx' '\t<b@x>\tok\t250\t-\tx' '' > results
	batch result < results > got
	same got <<< $'bad\nbad\nbad\nbad\nbad\nbad\nbad'
}
