/* What the parts of spool share: spool.c with its options and most commands,
 * spool-change.c and sendmail.c. Each function ends the program with a line on
 * stderr when it fails; commands return the exit status. */
#ifndef SPOOL_H
#define SPOOL_H

#include "buf.h"
#include "queue.h"
#include "submit.h"

/* A message on its way in, as the options say. */
extern const char *sender_given; /* -f */
extern struct submission mail;
extern struct buf mail_params; /* of sendmail -R and -V */
extern bool log_given;

void open_queue(struct queue *q);
const char *check_id(const char *id);
int close_stdout(void);
/* Takes MAIL_ID from the environment: then mail is in transit. */
void take_mail_id(void);
/* Queues standard input for these recipients; prints the id if asked to.
 * action goes before errors, or is NULL for sendmail. */
int add_message(char *args[], const char *action, bool print);

int do_list(char *args[]);
int do_run(char *args[]);
int do_rm(char *args[]);
int do_hold(char *args[]);
int do_release(char *args[]);
int do_retry(char *args[]);
int sendmail(int argc, char *argv[]);

#endif
