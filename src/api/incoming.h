/* Private to api/: what comes in about an ended attempt, the same in a worker's report, in the end
 * of a run and in a record. */
#ifndef RP_API_INCOMING_H
#define RP_API_INCOMING_H

#include "analyze/explain.h"
#include "base/json.h"

/* Names for rp_json_field, in the order of incoming_field's cases. */
#define REPORT_FIELDS                                                                              \
    "token", "outcome", "exit", "error", "result", "output", "started_at", "ended_at",             \
        "duration_us", "ended_by", "cpu_us", "memory_peak", "survivors", "output_bytes",           \
        "output_dropped"
enum { REPORT_FIELDS_N = 15 };

struct incoming {
    struct rp_report report;
    struct rp_failure_facts facts;
    struct rp_str stack, error_type, error_code;
    bool has_outcome;
    size_t *unpacked; /* bytes of outputs so far, over all of the request */
};

/* One field; false when the reader failed. */
bool incoming_field(struct rp_json *r, int field, struct incoming *in);
bool incoming_token(struct rp_json *r, uint64_t *out); /* 16 hex digits */
/* Message, type, code and stack become the one text that the pattern is made of; then the class. */
void incoming_explain(struct rp_mining *m, struct rp_arena *a, struct incoming *in);
/* An integer within bounds; `name` is for the message. */
bool incoming_number(struct rp_json *r, const char *name, int64_t lo, int64_t hi, int64_t *out);

#endif
