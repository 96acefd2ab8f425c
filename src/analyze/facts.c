#include "analyze/analyze.h"
#include "base/json.h"

bool rp_failure_facts_read(struct rp_str json, struct rp_arena *a, struct rp_failure_facts *f,
                           struct rp_err *err)
{
    static const char *const fields[] = {"message",   "exit_code",   "signal",   "oom",
                                         "timed_out", "http_status", "sqlstate", NULL};
    struct rp_json r;
    uint64_t seen = 0;
    int64_t n = 0;
    int *const numbers[] = {[1] = &f->exit_code, [2] = &f->signal, [5] = &f->http_status};
    rp_json_open(&r, json, a);
    rp_json_object(&r);
    for (int i; (i = rp_json_field(&r, fields, &seen)) >= 0;) {
        if (rp_json_peek(&r) == RP_JSON_NULL)
            rp_json_null(&r);
        else if (i == 0)
            rp_json_str(&r, &f->message);
        else if (i == 6)
            rp_json_str(&r, &f->sqlstate);
        else if (i == 3 || i == 4)
            rp_json_bool(&r, i == 3 ? &f->oom : &f->timed_out);
        else if (rp_json_i64(&r, &n) && n >= INT32_MIN && n <= INT32_MAX)
            *numbers[i] = (int)n;
    }
    return rp_json_done(&r, err);
}
