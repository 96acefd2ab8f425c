/* A log whose newest line is first (journalctl -r, what some consoles download): it is kept in a
 * file without a name and handed out from its end, entry by entry, so that starts come before their
 * ends. Any other log goes through as it comes. Memory is bounded by the longest entry. */
#ifndef RP_CLI_NEWEST_FIRST_H
#define RP_CLI_NEWEST_FIRST_H

#include "analyze/joblog.h"

#include <stdio.h>

/* One log's; zero at first. */
struct reversal {
    struct rp_buf head; /* the first bytes, until it is known */
    bool decided;
    FILE *kept;  /* NULL: the log is in order */
    bool export; /* an entry begins with "__CURSOR=" */
};
bool reversal_take(struct reversal *r, struct rp_joblog *log, struct rp_str bytes,
                   struct rp_err *err);
/* No more bytes come. */
bool reversal_end(struct reversal *r, struct rp_joblog *log, struct rp_err *err);
void reversal_free(struct reversal *r);

#endif
