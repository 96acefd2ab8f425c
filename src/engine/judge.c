/* What an ended process means for its job (users.md U21, U24): the kernel's facts first, then the
 * exit code's contract, then the success contract of the type. */
#include "base/json.h"
#include "base/json_pointer.h"
#include "engine/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { EX_DATAERR_CODE = 65, EX_TEMPFAIL_CODE = 75, ERROR_TAIL = 2000, RESULT_MAX = 65536 };

static const struct {
    enum rp_ended_by by;
    enum rp_outcome outcome;
} outcomes[] = {
    {RP_END_TIMEOUT, RP_OUT_TIMEOUT},
    {RP_END_OPERATOR, RP_OUT_CANCELLED},
    {RP_END_STOP, RP_OUT_INTERRUPTED},
};

static enum rp_outcome outcome_of(const struct rp_exec_result *x)
{
    for (size_t i = 0; i < sizeof outcomes / sizeof *outcomes; i++)
        if (outcomes[i].by ==
            x->ended_by) /* a stop's TERM that the job answers by finishing well is a success */
            return x->ended_by == RP_END_STOP && x->exit_code == 0 ? RP_OUT_SUCCEEDED
                                                                   : outcomes[i].outcome;
    return x->ended_by == RP_END_ITSELF && x->exit_code == 0 ? RP_OUT_SUCCEEDED : RP_OUT_FAILED;
}

/* ---- success contract ---- */

struct breach {
    struct rp_arena *arena;
    struct rp_buf text; /* one line a broken part: expected …, saw … */
    int64_t file_bytes; /* size of the contract's file, for what is usual */
};

static void breach(struct breach *b, struct rp_str what)
{
    if (b->text.n > 0)
        rp_buf_c(&b->text, '\n');
    rp_buf_str(&b->text, what);
}

static void check_file(struct breach *b, const struct rp_contract *c, int64_t ended_us,
                       int64_t usual_bytes)
{
    struct stat st;
    struct rp_arena *a = b->arena;
    if (stat(rp_cstr(a, c->file), &st) != 0) {
        breach(b, rp_str_fmt(a, "expected file %.*s, saw none", RP_FMT(c->file)));
        return;
    }
    b->file_bytes = st.st_size;
    int64_t age = ended_us - ((int64_t)st.st_mtim.tv_sec * RP_US_S + st.st_mtim.tv_nsec / 1000);
    char want[RP_DURATION_LEN], saw[RP_DURATION_LEN];
    if (c->newer_than_us > 0 && age > c->newer_than_us)
        breach(b, rp_str_fmt(a, "expected file %.*s newer than %s, saw one of %s ago",
                             RP_FMT(c->file), rp_duration_format(c->newer_than_us, want),
                             rp_duration_format(age / RP_US_S * RP_US_S, saw)));
    int64_t least = c->min_bytes;
    if (c->min_bytes_of_usual > 0 && usual_bytes > 0)
        least = (int64_t)(c->min_bytes_of_usual * (double)usual_bytes);
    if (least > 0 && st.st_size < least)
        breach(b, rp_str_fmt(a, "expected file %.*s of at least %lld bytes, saw %lld",
                             RP_FMT(c->file), (long long)least, (long long)st.st_size));
}

static void check_duration(struct breach *b, const struct rp_contract *c, int64_t us)
{
    char want[RP_DURATION_LEN];
    if (c->min_duration_us > 0 && us < c->min_duration_us)
        breach(b, rp_str_fmt(b->arena, "expected a run of at least %s, saw %.3f s",
                             rp_duration_format(c->min_duration_us, want), (double)us / 1e6));
    if (c->max_duration_us > 0 && us > c->max_duration_us)
        breach(b, rp_str_fmt(b->arena, "expected a run of at most %s, saw %.3f s",
                             rp_duration_format(c->max_duration_us, want), (double)us / 1e6));
}

static bool compare_holds(const char *op, double have, double want)
{
    switch (op[0]) {
    case '>':
        return op[1] == '=' ? have >= want : have > want;
    case '<':
        return op[1] == '=' ? have <= want : have < want;
    case '!':
        return have != want;
    default:
        return have == want;
    }
}

static bool number_of(struct rp_arena *a, struct rp_str s, double *out)
{
    struct rp_json r;
    rp_json_open(&r, s, a);
    return rp_json_peek(&r) == RP_JSON_NUMBER && rp_json_f64(&r, out) && rp_json_done(&r, NULL);
}

static void check_result(struct breach *b, const struct rp_contract *c, struct rp_str result)
{
    for (size_t i = 0; i < c->n_result; i++) {
        struct rp_str pointer = c->result[i].pointer, want = c->result[i].value, have;
        const char *op = c->result[i].op;
        double x, y;
        if (result.p == NULL || !rp_pointer_get(b->arena, result, pointer, &have)) {
            breach(b, rp_str_fmt(b->arena, "expected result %.*s %s %.*s, saw no such value",
                                 RP_FMT(pointer), op, RP_FMT(want)));
            continue;
        }
        bool numbers = number_of(b->arena, have, &x) && number_of(b->arena, want, &y);
        bool equal = rp_str_eq(have, want) || (have.n == want.n + 2 && have.p[0] == '"' &&
                                               memcmp(have.p + 1, want.p, want.n) == 0);
        bool holds = numbers        ? compare_holds(op, x, y)
                     : op[0] == '!' ? !equal
                                    : op[0] == '=' && equal;
        if (!holds)
            breach(b,
                   rp_str_fmt(b->arena, "expected result %.*s %s %.*s, saw %.*s", RP_FMT(pointer),
                              op, RP_FMT(want), (int)(have.n < 100 ? have.n : 100), have.p));
    }
}

/* Text watches are handed to exec in this order: output, then not_output. */
static void check_text(struct breach *b, const struct rp_contract *c, uint64_t hits)
{
    unsigned bit = 0;
    if (c->output.n > 0 && (hits >> bit++ & 1) == 0)
        breach(b, rp_str_fmt(b->arena, "expected output to hold \"%.*s\", it did not",
                             RP_FMT(c->output)));
    if (c->not_output.n > 0 && (hits >> bit & 1) != 0)
        breach(b, rp_str_fmt(b->arena, "expected output without \"%.*s\", it was there",
                             RP_FMT(c->not_output)));
}

static struct rp_str check_contract(struct rp_arena *a, const struct rp_contract *c,
                                    const struct rp_exec_result *x, struct rp_str result,
                                    int64_t usual_bytes, int64_t *file_bytes)
{
    struct breach b = {.arena = a, .text = {.limit = 4000}};
    check_text(&b, c, x->watch_hits);
    if (c->file.n > 0)
        check_file(&b, c, x->ended_us, usual_bytes);
    check_duration(&b, c, x->duration_us);
    check_result(&b, c, result);
    *file_bytes = b.file_bytes;
    struct rp_str text = b.text.n > 0 ? rp_str_dup(a, rp_buf_view(&b.text)) : RP_NONE;
    rp_buf_free(&b.text);
    return text;
}

/* ---- texts ---- */

static struct rp_str last_line(struct rp_str text)
{
    text = rp_str_trim(text);
    for (size_t i = text.n; i > 0; i--)
        if (text.p[i - 1] == '\n')
            return (struct rp_str){text.p + i, text.n - i};
    return text;
}

/* The last line of standard output if it is a JSON object. */
static struct rp_str result_of(struct rp_arena *a, const struct rp_output *o)
{
    struct rp_buf text = {0};
    struct rp_str result = RP_NONE;
    rp_output_text(o, 1, &text);
    struct rp_str line = last_line(rp_buf_view(&text));
    if (line.n > 1 && line.n <= RESULT_MAX && line.p[0] == '{' && rp_json_valid(line, NULL))
        result = rp_str_dup(a, line);
    rp_buf_free(&text);
    return result;
}

/* The end of standard error, or of standard output when that is empty: what a person would look at
 * first. */
static struct rp_str tail_of(struct rp_arena *a, const struct rp_output *o)
{
    struct rp_buf text = {0};
    rp_output_text(o, 2, &text);
    if (rp_str_trim(rp_buf_view(&text)).n == 0) {
        text.n = 0;
        rp_output_text(o, 1, &text);
    }
    struct rp_str s = rp_str_trim(rp_buf_view(&text));
    if (s.n > ERROR_TAIL) {
        s.p += s.n - ERROR_TAIL;
        s.n = ERROR_TAIL;
        while (s.n > 0 &&
               ((unsigned char)s.p[0] & 0xC0) == 0x80) /* not in the middle of a character */
            s.p++, s.n--;
    }
    s = rp_str_dup(a, s);
    rp_buf_free(&text);
    return s;
}

static struct rp_str how_it_ended(struct rp_arena *a, const struct rp_type *t,
                                  const struct rp_exec_result *x)
{
    char limit[RP_DURATION_LEN];
    switch (x->ended_by) {
    case RP_END_TIMEOUT:
        return rp_str_fmt(a, "timed out after %s",
                          rp_duration_format(t != NULL ? t->timeout_us : x->duration_us, limit));
    case RP_END_MEMORY:
        return RP_STR("out of memory: the memory limit was reached");
    case RP_END_NOT_STARTED:
        return rp_str_dup(a, rp_str_of(x->err.message));
    default:
        break;
    }
    if (x->signal != 0)
        return rp_str_fmt(a, "ended by %s", rp_signal_name(x->signal));
    return rp_str_fmt(a, "exit code %d", x->exit_code);
}

static struct rp_str error_text(struct rp_arena *a, const struct rp_type *t,
                                const struct rp_exec_result *x)
{
    struct rp_str how = how_it_ended(a, t, x), tail = tail_of(a, &x->output);
    if (x->ended_by == RP_END_ITSELF &&
        tail.n > 0) /* the job's own words say more than its exit code, which is kept apart */
        return tail;
    return tail.n > 0 ? rp_str_fmt(a, "%.*s\n%.*s", RP_FMT(how), RP_FMT(tail)) : how;
}

void rp_judge(struct rp_arena *a, const struct rp_type *t, const struct rp_exec_result *x,
              int64_t usual_bytes, struct rp_report *out)
{
    struct rp_attempt *f = &out->facts;
    out->outcome = outcome_of(x);
    out->permanent = x->ended_by == RP_END_ITSELF && x->exit_code == EX_DATAERR_CODE;
    out->retry_asked = x->ended_by == RP_END_ITSELF && x->exit_code == EX_TEMPFAIL_CODE;
    out->result = result_of(a, &x->output);
    if (out->outcome == RP_OUT_SUCCEEDED && t != NULL)
        f->contract =
            check_contract(a, &t->expect, x, out->result, usual_bytes, &f->contract_bytes);
    if (f->contract.p != NULL)
        out->outcome = RP_OUT_FAILED;
    f->started_us = x->started_us;
    f->ended_us = x->ended_us;
    f->duration_us = x->duration_us;
    f->has_exit = x->ended_by != RP_END_NOT_STARTED || x->exit_code > 0;
    f->exit_code = x->exit_code;
    f->signal = x->signal;
    f->ended_by = rp_str_of(rp_ended_by_words(x->ended_by));
    f->cpu_us = x->cpu_us;
    f->memory_peak = x->memory_peak_bytes;
    if (x->survivors_killed > 0)
        f->survivors = rp_str_dup(a, rp_str_of(x->survivor_names));
    f->output_bytes = (int64_t)x->output.total[0];
    f->output_dropped = (int64_t)x->output.dropped;
    if (out->outcome != RP_OUT_SUCCEEDED)
        f->error = f->contract.p != NULL ? f->contract : error_text(a, t, x);
}
