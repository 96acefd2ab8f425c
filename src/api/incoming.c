#include "api/incoming.h"

#include "exec/exec.h"

#include <sodium.h>
#include <stdlib.h>

enum { PACKED_MAX = 4 << 20, UNPACKED_MAX = 64 << 20, SIGNAL_MAX = 64, HTTP_MAX = 999 };

bool incoming_number(struct rp_json *r, const char *name, int64_t lo, int64_t hi, int64_t *out)
{
    return rp_json_i64(r, out) && ((*out >= lo && *out <= hi) ||
                                   rp_json_bad(r, RP_E_BAD_FIELD, "%s must be from %lld to %lld",
                                               name, (long long)lo, (long long)hi));
}

bool incoming_token(struct rp_json *r, uint64_t *out)
{
    struct rp_str s;
    char text[17] = {0}, *end;
    if (!rp_json_str(r, &s))
        return false;
    if (s.n != 16 || strspn(memcpy(text, s.p, 16), "0123456789abcdef") != 16)
        return rp_json_bad(r, RP_E_BAD_FIELD, "a token is 16 hex digits");
    *out = strtoull(text, &end, 16);
    return true;
}

static bool outcome_field(struct rp_json *r, struct incoming *in)
{
    struct rp_str s;
    in->has_outcome = true;
    if (!rp_json_str(r, &s))
        return false;
    return (rp_outcome_of_name(s, &in->report.outcome) && in->report.outcome != RP_OUT_LOST &&
            in->report.outcome != RP_OUT_SKIPPED) ||
           rp_json_bad(r, RP_E_BAD_FIELD,
                       "outcome must be succeeded, failed, timeout, cancelled or interrupted");
}

static bool signal_field(struct rp_json *r, int64_t *out)
{
    struct rp_str s;
    if (rp_json_peek(r) == RP_JSON_NUMBER)
        return incoming_number(r, "a signal", 0, SIGNAL_MAX, out);
    if (!rp_json_str(r, &s))
        return false;
    for (int sig = 1; sig <= SIGNAL_MAX; sig++)
        if (rp_str_is(s, rp_signal_name(sig))) {
            *out = sig;
            return true;
        }
    return rp_json_bad(r, RP_E_BAD_FIELD, "\"%.*s\" is not a signal", RP_FMT(s));
}

static bool exit_field(struct rp_json *r, struct incoming *in)
{
    static const char *const fields[] = {"code", "signal", "oom", NULL};
    struct rp_attempt *f = &in->report.facts;
    uint64_t seen = 0;
    (void)rp_json_object(r);
    for (int k; (k = rp_json_field(r, fields, &seen)) >= 0;)
        (void)(k == 0   ? incoming_number(r, "an exit code", INT32_MIN, INT32_MAX, &f->exit_code)
               : k == 1 ? signal_field(r, &f->signal)
                        : rp_json_bool(r, &in->facts.oom));
    f->has_exit = true;
    if (f->signal != 0)
        f->exit_code = -1;
    in->facts.exit_code = (int)f->exit_code;
    in->facts.signal = (int)f->signal;
    return !r->failed;
}

static bool error_field(struct rp_json *r, struct incoming *in)
{
    static const char *const fields[] = {"message",   "type",        "stack",    "code",
                                         "retryable", "http_status", "sqlstate", NULL};
    bool retryable = true;
    int64_t http = 0;
    uint64_t seen = 0;
    if (rp_json_peek(r) == RP_JSON_STRING)
        return rp_json_str(r, &in->report.facts.error);
    (void)rp_json_object(r);
    for (int k; (k = rp_json_field(r, fields, &seen)) >= 0;)
        (void)(k == 0   ? rp_json_str(r, &in->report.facts.error)
               : k == 1 ? rp_json_str(r, &in->error_type)
               : k == 2 ? rp_json_str(r, &in->stack)
               : k == 3 ? rp_json_str(r, &in->error_code)
               : k == 4 ? rp_json_bool(r, &retryable)
               : k == 5 ? incoming_number(r, "an HTTP status", 0, HTTP_MAX, &http)
                        : rp_json_str(r, &in->facts.sqlstate));
    in->facts.http_status = (int)http;
    in->report.permanent = !retryable;
    return !r->failed;
}

/* The packed output, base64: kept as it is once it has proved to be one. What a few bytes unpack to
 * is limited for the whole request, because the proof holds up this thread's other clients. */
static bool output_field(struct rp_json *r, size_t *unpacked, struct rp_str *out)
{
    struct rp_str s;
    size_t n;
    struct rp_output o = {0};
    struct rp_err err;
    if (!rp_json_str(r, &s))
        return false;
    if (s.n > PACKED_MAX)
        return rp_json_bad(r, RP_E_TOO_LARGE, "output is larger than %d bytes", PACKED_MAX);
    unsigned char *p = rp_alloc(r->arena, s.n + 1);
    if (sodium_base642bin(p, s.n + 1, s.p, s.n, NULL, &n, NULL, sodium_base64_VARIANT_ORIGINAL) !=
        0)
        return rp_json_bad(r, RP_E_BAD_FIELD, "output is not base64");
    *out = (struct rp_str){(const char *)p, n};
    *unpacked += rp_output_size(*out);
    if (*unpacked > UNPACKED_MAX)
        return rp_json_bad(r, RP_E_TOO_LARGE, "outputs of more than %d MB in one request",
                           UNPACKED_MAX >> 20);
    if (!rp_output_unpack(*out, &o, &err))
        return rp_json_bad(r, RP_E_BAD_FIELD, "output: %s", err.message);
    rp_output_free(&o);
    return true;
}

bool incoming_field(struct rp_json *r, int k, struct incoming *in)
{
    struct rp_attempt *f = &in->report.facts;
    switch (k) {
    case 0:
        return incoming_token(r, &in->report.token);
    case 1:
        return outcome_field(r, in);
    case 2:
        return exit_field(r, in);
    case 3:
        return error_field(r, in);
    case 4:
        return rp_json_raw(r, &in->report.result);
    case 5:
        return output_field(r, in->unpacked, &in->report.output);
    case 6:
        return rp_json_time(r, &f->started_us);
    case 7:
        return rp_json_time(r, &f->ended_us);
    case 9:
        return rp_json_str(r, &f->ended_by);
    case 12:
        return rp_json_str(r, &f->survivors);
    default:
        break;
    }
    int64_t *const numbers[REPORT_FIELDS_N] = {[8] = &f->duration_us,
                                               [10] = &f->cpu_us,
                                               [11] = &f->memory_peak,
                                               [13] = &f->output_bytes,
                                               [14] = &f->output_dropped};
    return incoming_number(r, "a count", 0, INT64_MAX / 2, numbers[k]);
}

/* As programs print it: "TypeError: …", "Error [ERR_X]: …", "P2002: …". */
static struct rp_str whole_error(struct rp_arena *a, const struct incoming *in)
{
    struct rp_str type = in->error_type, code = in->error_code, says = in->report.facts.error;
    if (rp_str_find(says, code) != SIZE_MAX)
        code.n = 0;
    if (type.n > 0 && code.n > 0)
        return rp_str_fmt(a, "%.*s [%.*s]: %.*s", RP_FMT(type), RP_FMT(code), RP_FMT(says));
    if (type.n > 0 || code.n > 0)
        return rp_str_fmt(a, "%.*s: %.*s", RP_FMT(type.n > 0 ? type : code), RP_FMT(says));
    return says;
}

void incoming_explain(struct rp_mining *m, struct rp_arena *a, struct incoming *in)
{
    struct rp_attempt *f = &in->report.facts;
    if (in->report.outcome == RP_OUT_SUCCEEDED || in->report.outcome == RP_OUT_INTERRUPTED)
        return;
    f->error = whole_error(a, in);
    if (in->stack.n > 0)
        f->error = rp_str_fmt(a, "%.*s\n%.*s", RP_FMT(f->error), RP_FMT(in->stack));
    in->facts.message = f->error;
    in->facts.timed_out = in->report.outcome == RP_OUT_TIMEOUT;
    rp_explain_failure(m, a, &in->facts, &in->report);
}
