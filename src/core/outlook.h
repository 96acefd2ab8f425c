/* What a replay of a kind of failure would probably bring, from how earlier tries after such a
 * failure went (analysis specification, section 6). Pure. */
#ifndef RP_CORE_OUTLOOK_H
#define RP_CORE_OUTLOOK_H

#include "core/proportions.h"

enum { RP_OUTLOOK_LEAST = 5 }; /* fewer tries tell nothing */

struct rp_tried {
    int64_t n, succeeded;
};
/* The next try of a job that had failed so: by itself, or in a replay. */
struct rp_tries {
    struct rp_tried retries, replays;
};
enum rp_outlook_from {
    RP_OUTLOOK_NOT_KNOWN,
    RP_OUTLOOK_REPLAYS, /* of these there were enough: a replay is most like a replay */
    RP_OUTLOOK_ALL      /* too few of them; with the retries enough */
};
const char *rp_outlook_from_name(enum rp_outlook_from from); /* "replays"; NULL: not known */

struct rp_outlook {
    enum rp_outlook_from from;
    struct rp_tried of;
    struct rp_interval succeed; /* Wilson's, 95 %; only where it is known */
};
void rp_outlook(const struct rp_tries *t, struct rp_outlook *out);

#endif
