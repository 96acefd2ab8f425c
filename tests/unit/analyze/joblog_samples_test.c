/* Logs that real programs wrote, against the counts that these programs' own records give, and each
 * run against what the job noted while it ran (../shared/data/joblogs). */
#include "logs.h"

#include "base/json.h"

#define SAMPLES RP_SHARED "/data/joblogs/"

static struct rp_str slurp(const char *path, struct rp_arena *a)
{
    FILE *f = fopen(path, "rb");
    struct rp_buf b = {0};
    char piece[8192];
    size_t n;
    if (f == NULL) {
        print_message("skipped: %s is not there\n", path);
        skip();
    }
    while ((n = fread(piece, 1, sizeof piece, f)) > 0)
        rp_buf_add(&b, piece, n);
    (void)fclose(f);
    struct rp_str s = rp_str_dup(a, rp_buf_view(&b));
    rp_buf_free(&b);
    return s;
}

/* ---- small readers of JSON: an object as names and raw values ---- */

struct object {
    struct {
        struct rp_str name, raw;
    } v[64];
    size_t n;
};

static struct object object_of(struct rp_str text, struct rp_arena *a)
{
    struct object o = {.n = 0};
    struct rp_json r;
    rp_json_open(&r, text, a);
    rp_json_object(&r);
    while (o.n < 64 && rp_json_member(&r, &o.v[o.n].name) && rp_json_raw(&r, &o.v[o.n].raw))
        o.n++;
    assert_true(rp_json_done(&r, NULL));
    return o;
}

static struct rp_str raw_of(const struct object *o, const char *name)
{
    for (size_t i = 0; i < o->n; i++)
        if (rp_str_is(o->v[i].name, name))
            return o->v[i].raw;
    return RP_NONE;
}

static int64_t number_of(const struct object *o, const char *name)
{
    int64_t n;
    return rp_str_i64(raw_of(o, name), &n) ? n : 0;
}

static struct rp_str text_of(const struct object *o, const char *name, struct rp_arena *a)
{
    struct rp_json r;
    struct rp_str s = raw_of(o, name), out;
    if (s.n < 2 || s.p[0] != '"')
        return RP_NONE;
    rp_json_open(&r, s, a);
    assert_true(rp_json_str(&r, &out));
    return out;
}

static int64_t time_of(const struct object *o, const char *name, struct rp_arena *a)
{
    int64_t us;
    return rp_time_parse(text_of(o, name, a), &us) ? us : RP_NO_TIME;
}

/* ---- counts ---- */

static const struct {
    const char *name;
    enum rp_run_outcome outcome;
} outcomes[] = {{"succeeded", RP_RUN_SUCCEEDED},
                {"failed", RP_RUN_FAILED},
                {"timeout", RP_RUN_TIMEOUT},
                {"unfinished", RP_RUN_UNFINISHED},
                {"outcome_unknown", RP_RUN_UNKNOWN}};

static void check_counts(const char *file, const struct object *want, const uint64_t *by,
                         uint64_t runs)
{
    if (runs != (uint64_t)number_of(want, "runs"))
        fail_msg("%s: %llu runs, not %lld", file, (unsigned long long)runs,
                 (long long)number_of(want, "runs"));
    for (size_t i = 0; i < sizeof outcomes / sizeof *outcomes; i++)
        if (raw_of(want, outcomes[i].name).p != NULL &&
            by[outcomes[i].outcome] != (uint64_t)number_of(want, outcomes[i].name))
            fail_msg("%s: %s %llu, not %lld", file, outcomes[i].name,
                     (unsigned long long)by[outcomes[i].outcome],
                     (long long)number_of(want, outcomes[i].name));
}

static void check_types(const char *file, const struct object *want, struct logged *s)
{
    struct object types = object_of(raw_of(want, "types"), &s->arena);
    for (size_t i = 0; i < types.n; i++) {
        const struct rp_tally_type *t = rp_tally_find(s->tally, types.v[i].name);
        struct object counts = object_of(types.v[i].raw, &s->arena);
        if (t == NULL)
            fail_msg("%s: no type %.*s", file, RP_FMT(types.v[i].name));
        check_counts(rp_cstr(&s->arena, types.v[i].name), &counts, t->by, t->runs);
    }
    assert_int_equal(s->tally->n_types, types.n);
}

static void check_attempts(const struct object *want, struct logged *s)
{
    struct object attempts = object_of(raw_of(want, "attempts"), &s->arena);
    for (size_t i = 0; i < attempts.n; i++) {
        int64_t n = 0, runs = 0;
        assert_true(rp_str_i64(attempts.v[i].name, &n) && rp_str_i64(attempts.v[i].raw, &runs));
        assert_int_equal(s->tally->attempts[n], runs);
    }
}

/* Samples stand as in the log; in JSON logs with its escapes. */
static void check_texts(const char *file, const struct object *want, struct logged *s,
                        const char *key, bool there)
{
    struct rp_json r;
    rp_json_open(&r, raw_of(want, key), &s->arena);
    rp_json_array(&r);
    for (struct rp_str one, text; rp_json_item(&r) && rp_json_str(&r, &one);) {
        struct rp_str quoted = rp_str_fmt(&s->arena, "\"%.*s\"", RP_FMT(one));
        struct rp_json inner;
        rp_json_open(&inner, quoted, &s->arena);
        if (!rp_json_str(&inner, &text) || !rp_json_done(&inner, NULL))
            text = one;
        bool found = false;
        for (size_t i = 0; i < s->n && !found; i++)
            found = rp_str_find(s->runs[i].error, text) != SIZE_MAX;
        if (found != there)
            fail_msg("%s: %s in the errors: %.*s", file, there ? "not" : "foreign text",
                     RP_FMT(text));
    }
}

/* The clock of RQ has no date. */
static int64_t apart(const char *file, int64_t got, int64_t want)
{
    if (got == RP_NO_TIME || want == RP_NO_TIME)
        return 0;
    int64_t off = got > want ? got - want : want - got;
    if (strcmp(file, "rq.log") == 0)
        off = (off + RP_US_H) % RP_US_DAY - RP_US_H;
    return off < 0 ? -off : off;
}

static bool near(const char *file, int64_t got, int64_t want)
{
    return got != RP_NO_TIME && apart(file, got, want) <= 2 * RP_US_S;
}

/* ---- each run ---- */

/* The run that the record is of: by id and attempt where the log has them, else the nearest. */
static struct rp_run *run_of(struct logged *s, const char *file, bool *used, const struct object *o)
{
    struct rp_str type = text_of(o, "type", &s->arena), id = text_of(o, "id", &s->arena);
    int64_t attempt = number_of(o, "attempt"), least = 0;
    int64_t start = time_of(o, "start", &s->arena), end = time_of(o, "end", &s->arena);
    size_t best = SIZE_MAX;
    (void)rp_str_split(&(struct rp_str){id.p, id.n}, '/', &id);
    for (size_t i = 0; i < s->n; i++) {
        struct rp_run *r = &s->runs[i];
        if (used[i] || !rp_str_eq(r->type, type) ||
            (attempt > 0 && r->attempt > 0 && r->attempt != attempt))
            continue;
        int64_t off = apart(file, r->start_us, start) + apart(file, r->end_us, end) +
                      (rp_str_eq(r->id, id) ? 0 : RP_US_H);
        if (best == SIZE_MAX || off < least) {
            best = i;
            least = off;
        }
    }
    if (best == SIZE_MAX)
        fail_msg("%s: no run for %.*s %.*s", file, RP_FMT(type), RP_FMT(id));
    used[best] = true;
    return &s->runs[best];
}

/* The records of some programs call errors in words of their own. */
static bool own_words(const char *file)
{
    static const char *const files[] = {"journald-", "pm2-daemon", "github-actions", "rq.log",
                                        "cron-"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (strncmp(file, files[i], strlen(files[i])) == 0)
            return true;
    return false;
}

static void check_error(const char *file, const struct rp_run *r, struct rp_str want)
{
    struct rp_str line;
    if (want.n == 0 || r->outcome == RP_RUN_UNFINISHED)
        return;
    if (r->error.n == 0)
        fail_msg("%s: line %llu: no error, not %.*s", file, (unsigned long long)r->line,
                 RP_FMT(want));
    if (rp_str_starts(want, "retry: ")) /* the log puts the delay between */
        want = (struct rp_str){want.p + 7, want.n - 7};
    (void)rp_str_split(&want, '\n', &line);
    if (!own_words(file) && rp_str_find(r->error, line) == SIZE_MAX)
        fail_msg("%s: line %llu: error is %.*s, not %.*s", file, (unsigned long long)r->line,
                 RP_FMT(r->error), RP_FMT(line));
}

static void check_record(const char *file, struct logged *s, bool *used, struct rp_str line)
{
    struct object o = object_of(line, &s->arena);
    struct rp_run *r = run_of(s, file, used, &o);
    struct rp_str outcome = text_of(&o, "outcome", &s->arena);
    int64_t start = time_of(&o, "start", &s->arena), end = time_of(&o, "end", &s->arena);
    if (start != RP_NO_TIME && !near(file, r->start_us, start))
        fail_msg("%s: line %llu: start", file, (unsigned long long)r->line);
    if (r->outcome == RP_RUN_UNKNOWN)
        return; /* a log that shows no ends */
    if (!rp_str_is(outcome, rp_run_outcome_name(r->outcome)))
        fail_msg("%s: line %llu: %s, not %.*s", file, (unsigned long long)r->line,
                 rp_run_outcome_name(r->outcome), RP_FMT(outcome));
    if (r->outcome != RP_RUN_UNFINISHED && end != RP_NO_TIME && !near(file, r->end_us, end))
        fail_msg("%s: line %llu: end", file, (unsigned long long)r->line);
    check_error(file, r, text_of(&o, "error", &s->arena));
}

static void check_records(const char *file, struct logged *s)
{
    struct rp_str text = slurp(
                      rp_cstr(&s->arena, rp_str_fmt(&s->arena, SAMPLES "truth/%s.jsonl", file)),
                      &s->arena),
                  line;
    bool *used = rp_alloc(&s->arena, s->n + 1);
    size_t records = 0;
    for (; rp_str_split(&text, '\n', &line);)
        if (line.n > 0) {
            check_record(file, s, used, line);
            records++;
        }
    assert_int_equal(records, s->n);
}

/* ---- the files ---- */

static void check_file(struct rp_arena *a, struct rp_str name, struct rp_str expected, size_t step)
{
    const char *file = rp_cstr(a, name);
    struct object want = object_of(expected, a);
    struct rp_str text = slurp(rp_cstr(a, rp_str_fmt(a, SAMPLES "%s", file)), a);
    struct logged s;
    int64_t noon = 1795521600000000; /* 2026-11-24 12:00 UTC, for clocks without a date */
    log_read(&s, text, step, (struct rp_joblog_options){.stamp = {.now_us = noon, .year = 2026}});
    assert_true(s.ok);
    assert_string_equal(s.stats.format, rp_cstr(a, text_of(&want, "format", a)));
    assert_int_equal(s.stats.lines, number_of(&want, "lines"));
    check_counts(file, &want, s.tally->by, s.tally->runs);
    check_types(file, &want, &s);
    if (raw_of(&want, "attempts").p != NULL)
        check_attempts(&want, &s);
    assert_true(near(file, s.tally->first_start, time_of(&want, "first_start", a)));
    if (time_of(&want, "last_end", a) != RP_NO_TIME)
        assert_true(near(file, s.tally->last_end, time_of(&want, "last_end", a)));
    if (s.tally->by[RP_RUN_UNKNOWN] == 0)
        check_texts(file, &want, &s, "error_samples", true);
    check_texts(file, &want, &s, "foreign_samples", false);
    check_records(file, &s);
    print_message("%s: %s, %llu runs, %llu of %llu lines are of nobody\n", file, s.stats.format,
                  (unsigned long long)s.tally->runs, (unsigned long long)s.stats.unassigned_lines,
                  (unsigned long long)s.stats.lines);
    log_forget(&s);
}

static void check_all(size_t step)
{
    struct rp_arena a = {0};
    struct object files = object_of(slurp(SAMPLES "expected.json", &a), &a);
    assert_true(files.n > 0);
    for (size_t i = 0; i < files.n; i++)
        check_file(&a, files.v[i].name, files.v[i].raw, step > 0 ? step : SIZE_MAX);
    rp_arena_free(&a);
}

static void each_file_gives_the_counts_and_runs_that_its_program_recorded(void **state)
{
    (void)state;
    check_all(0);
}

static void the_size_of_the_pieces_does_not_matter(void **state)
{
    (void)state;
    check_all(7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_file_gives_the_counts_and_runs_that_its_program_recorded),
        cmocka_unit_test(the_size_of_the_pieces_does_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
