/* The other name of spool, with the flags of sendmail(8). */
#ifndef SENDMAIL_H
#define SENDMAIL_H

/* All of the program under that name: returns the exit status. */
int sendmail(int argc, char *argv[]);

#endif
