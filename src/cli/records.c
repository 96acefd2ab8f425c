/* Runs of elsewhere on their way to the daemon's history: POST /v1/runs/records in batches. Each
 * has a name made from what it is, so that the daemon knows it again. */
#include "cli/import.h"

#include <sodium.h>

enum { BATCH_RUNS = 500, BATCH_BYTES = 4 << 20, NAME_BYTES = 200, DIGEST_BYTES = 16, CUT_HEX = 8 };

/* ---- names ---- */

void first_line_feed(struct first_line *f, struct rp_str bytes)
{
    for (size_t i = 0; i < bytes.n && !f->whole; i++) {
        f->whole = bytes.p[i] == '\n' || f->n == FIRST_LINE;
        if (!f->whole)
            f->text[f->n++] = bytes.p[i];
    }
}

struct rp_str digest(struct rp_arena *a, const struct rp_str *texts, size_t n)
{
    crypto_generichash_state state;
    unsigned char sum[DIGEST_BYTES];
    char *hex = rp_alloc(a, 2 * DIGEST_BYTES + 1);
    (void)crypto_generichash_init(&state, NULL, 0, sizeof sum);
    for (size_t i = 0; i < n; i++) {
        uint64_t length = texts[i].p != NULL ? texts[i].n : UINT64_MAX; /* absent is not empty */
        (void)crypto_generichash_update(&state, (const unsigned char *)&length, sizeof length);
        (void)crypto_generichash_update(&state, (const unsigned char *)texts[i].p, texts[i].n);
    }
    (void)crypto_generichash_final(&state, sum, sizeof sum);
    (void)sodium_bin2hex(hex, 2 * DIGEST_BYTES + 1, sum, sizeof sum);
    return rp_str_of(hex);
}

static bool plain(unsigned char c)
{
    return c >= ' ' && c != 0x7f;
}

struct rp_str type_name(struct rp_arena *a, struct rp_str name)
{
    struct rp_buf b = {0};
    bool changed = name.n == 0 || name.n > NAME_BYTES;
    for (size_t i = 0, n; i < name.n && b.n < NAME_BYTES; i += n) {
        n = rp_utf8_len(name.p + i, name.n - i);
        bool keep = n > 0 && plain((unsigned char)name.p[i]);
        changed = changed || !keep;
        rp_buf_add(&b, keep ? name.p + i : "?", keep ? n : 1);
        n = n > 0 ? n : 1;
    }
    if (!changed) {
        rp_buf_free(&b);
        return name;
    }
    struct rp_str head = rp_buf_view(&b);
    if (head.n > NAME_BYTES - CUT_HEX - 1)
        head.n = rp_utf8_whole(head.p, NAME_BYTES - CUT_HEX - 1);
    struct rp_str out = rp_str_fmt(a, "%.*s~%.*s", RP_FMT(head), CUT_HEX, digest(a, &name, 1).p);
    rp_buf_free(&b);
    return out;
}

/* ---- batches ---- */

bool records_begin(struct records *r, struct cli *cli, struct rp_err *err)
{
    struct reply reply;
    *r = (struct records){.cli = cli};
    if (sodium_init() < 0)
        return rp_fail(err, RP_E_INTERNAL, "libsodium cannot be set up");
    if (client_get(cli, "/healthz", &reply, err))
        return true;
    if (err->code == RP_E_UNREACHABLE)
        return rp_hint(err, "start it: reprise serve. To only count, add --dry-run");
    return false;
}

bool records_flush(struct records *r, struct rp_err *err)
{
    struct reply reply;
    if (r->n == 0)
        return true;
    rp_jw_array_end(&r->w);
    rp_jw_m_cstr(&r->w, "source", "import");
    rp_jw_object_end(&r->w);
    struct rp_arena kept = scratch_begin(r->cli);
    bool ok = client_call(r->cli, "POST", "/v1/runs/records", &r->body, &reply, err);
    if (ok) {
        r->added += doc_i64(reply.body, "added", 0);
        r->known += doc_i64(reply.body, "known", 0);
    }
    scratch_end(r->cli, kept);
    r->body.n = r->n = 0;
    if (!ok && r->added > 0 && err->hint[0] == '\0')
        return rp_hint(err, "the runs before are stored; import again: none is added twice");
    return ok;
}

/* An instant of 0 means not known: a table's own zero is its first microsecond. */
static void member_time(struct rp_jw *w, const char *key, int64_t us)
{
    if (us != RP_NO_TIME)
        rp_jw_m_time(w, key, us != 0 ? us : 1);
}

static void end_members(struct rp_jw *w, const struct rp_run *run)
{
    static const char *const outcomes[RP_RUN_OUTCOMES_N] = {[RP_RUN_SUCCEEDED] = "succeeded",
                                                            [RP_RUN_FAILED] = "failed",
                                                            [RP_RUN_TIMEOUT] = "timeout",
                                                            [RP_RUN_CANCELLED] = "cancelled"};
    bool both = run->start_us != RP_NO_TIME && run->end_us != RP_NO_TIME;
    rp_jw_m_cstr(w, "outcome", outcomes[run->outcome]);
    member_time(w, "ended_at", run->end_us);
    if (both && run->end_us >= run->start_us)
        rp_jw_m_i64(w, "duration_us", run->end_us - run->start_us);
    if (run->error.n > 0) {
        rp_jw_key(w, "error");
        rp_jw_object(w);
        rp_jw_m_str(w, "message", run->error);
        rp_jw_object_end(w);
    }
}

static void write_record(struct rp_jw *w, struct rp_arena *a, const struct record *one)
{
    const struct rp_run *run = one->run;
    rp_jw_object(w);
    rp_jw_m_str(w, "spool_id", one->spool_id);
    rp_jw_m_str(w, "type", type_name(a, run->type));
    if (run->queue.n > 0)
        rp_jw_m_str(w, "queue", type_name(a, run->queue));
    rp_jw_m_str(w, "external_id", one->external_id);
    if (run->attempt > 1)
        rp_jw_m_i64(w, "attempt", run->attempt);
    rp_jw_m_raw(w, "labels", one->labels);
    member_time(w, "submitted_at", one->submit_us);
    member_time(w, "started_at", run->start_us);
    if (run->outcome == RP_RUN_UNFINISHED)
        rp_jw_m_bool(w, "unfinished", true);
    else
        end_members(w, run);
    rp_jw_object_end(w);
}

bool records_add(struct records *r, const struct record *one, struct rp_err *err)
{
    if (r->n == 0) {
        r->w = (struct rp_jw){.out = &r->body};
        rp_jw_object(&r->w);
        rp_jw_key(&r->w, "records");
        rp_jw_array(&r->w);
    }
    struct rp_arena a = {0};
    write_record(&r->w, &a, one);
    rp_arena_free(&a);
    r->n++;
    return (r->n < BATCH_RUNS && r->body.n < BATCH_BYTES) || records_flush(r, err);
}

void records_free(struct records *r)
{
    rp_buf_free(&r->body);
}
