#!/usr/bin/env bats
load lib

setup() {
	sandbox
	D=$BUILD/drv/bounce
}

# Boundary and Message-ID differ each time.
plain() { sed -E 's/^\t/ /; s/\b[0-9a-z]{20}\b/ID/g'; }

@test "a report is multipart/report with status and original" {
	printf 'Subject: x\n\nbody' >m
	ENVID='e 1' ORCPT='rfc822;o@x' "$D" '@a,@b:u@x.example' failed \
		r@y.example 550 'no such user' s@y.example 0 'no route' <m | plain >report
	same report <<-'END'
		Date: Sun, 9 Sep 2001 01:47:40 +0000
		From: Mail Delivery System <MAILER-DAEMON@mx.example>
		To: <u@x.example>
		Subject: Undelivered mail
		Message-ID: <ID@mx.example>
		Auto-Submitted: auto-replied
		MIME-Version: 1.0
		Content-Type: multipart/report; report-type=delivery-status;
		 boundary="ID"
		Content-Transfer-Encoding: 8bit

		--ID
		Content-Type: text/plain; charset=utf-8
		Content-Transfer-Encoding: 8bit

		This is the mail system at mx.example.

		Your message could not be delivered to these recipients, and will
		not be tried again.

		    <r@y.example>
		        no such user
		    <s@y.example>
		        no route

		--ID
		Content-Type: message/delivery-status

		Reporting-MTA: dns;mx.example
		Original-Envelope-Id: e 1
		X-Mailpipe-ID: anid
		Arrival-Date: Sun, 9 Sep 2001 01:46:40 +0000

		Original-Recipient: rfc822;o@x
		Final-Recipient: rfc822;r@y.example
		Action: failed
		Status: 5.0.0
		Diagnostic-Code: smtp; 550 no such user
		Last-Attempt-Date: Sun, 9 Sep 2001 01:47:40 +0000

		Original-Recipient: rfc822;o@x
		Final-Recipient: rfc822;s@y.example
		Action: failed
		Status: 4.4.7
		Diagnostic-Code: x-mailpipe; no route
		Last-Attempt-Date: Sun, 9 Sep 2001 01:47:40 +0000

		--ID
		Content-Type: message/rfc822
		Content-Transfer-Encoding: 8bit

		Subject: x

		body

		--ID--
	END
}

@test "a delay says until when it is tried" {
	printf 'Subject: x\n\nbody\n' >m
	"$D" u@x.example delayed r@y.example 450 busy <m |
		sed -n '/^Subject: D/p; /^Action/,/^$/p; /will be tried/p' >report
	same report <<-'END'
		Subject: Delayed mail, still being tried
		will be tried until Fri, 14 Sep 2001 01:46:40 +0000;
		Action: delayed
		Status: 4.0.0
		Diagnostic-Code: smtp; 450 busy
		Last-Attempt-Date: Sun, 9 Sep 2001 01:47:40 +0000
		Will-Retry-Until: Fri, 14 Sep 2001 01:46:40 +0000

	END
}

@test "success is told with the code of its reply" {
	printf 'Subject: x\n\nbody\n' >m
	for action in relayed delivered; do
		"$D" u@x.example $action r@y.example 250 'queued as 42' <m |
			sed -n '/^Subject: M/p; /^Your/,/^$/p; /^Action/,/^$/p'
	done >report
	same report <<-'END'
		Subject: Mail passed on
		Your message was passed on for these recipients to a mail system
		that does not tell when it arrives.

		Action: relayed
		Status: 2.0.0
		Diagnostic-Code: smtp; 250 queued as 42
		Last-Attempt-Date: Sun, 9 Sep 2001 01:47:40 +0000

		Subject: Mail delivered
		Your message was delivered to these recipients.

		Action: delivered
		Status: 2.0.0
		Diagnostic-Code: smtp; 250 queued as 42
		Last-Attempt-Date: Sun, 9 Sep 2001 01:47:40 +0000

	END
}

@test "headers alone end before the body, and at 50 kB" {
	printf 'Subject: x\nX: y\n\nbody\n\nmore\n' >m
	"$D" u@x.example headers r@y.example 550 no <m | plain |
		sed -n '/text.rfc822-headers/,$p' >report
	same report <<-'END'
		Content-Type: text/rfc822-headers
		Content-Transfer-Encoding: 8bit

		Subject: x
		X: y

		--ID--
	END
	yes 'X: y' | head -c 200000 >m
	"$D" u@x.example headers r@y.example 550 no <m >report
	[ "$(stat -c %s report)" -lt 53000 ]
}

@test "an address beyond ASCII makes it a global report" {
	printf 'Subject: x\n\nb\n' >m
	"$D" u@x.example failed 'ü@y.example' 550 no <m |
		sed -n '/global/p; /^Final/p' >report
	same report <<-'END'
		Content-Type: message/global-delivery-status
		Final-Recipient: utf-8;ü@y.example
	END
}
