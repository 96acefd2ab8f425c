/* Failures of a daemon as they become patterns (miner.md 15 to 18; users.md U1): reported through a
 * real engine, mined beside it, on one store over several starts. */
#include "../engine/world.h"

#include "analyze/mining_internal.h"
#include "store/internal.h"

static const char yaml[] = "jobs:\n  a: {}\n  b: {}\n";

struct rig {
    struct world *w;
    struct rp_mining *mining;
};

static void rig_open(struct rig *r)
{
    struct rp_err err;
    world_open(r->w);
    r->mining = rp_mining_new(r->w->store, &err);
    must(r->mining != NULL, &err);
    must(rp_mining_start(r->mining, r->w->engine, &err), &err);
}

static void rig_close(struct rig *r)
{
    rp_mining_stop(r->mining);
    rp_mining_free(r->mining);
    world_close(r->w);
}

static int setup(void **state)
{
    struct rig *r = rp_xcalloc(1, sizeof *r);
    r->w = world_prepare(yaml);
    rig_open(r);
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    struct rig *r = *state;
    rig_close(r);
    world_drop(r->w);
    free(r);
    return 0;
}

/* ---- failures in, patterns out ---- */

struct fail {
    struct rp_run_record record;
    int64_t now_us;
};

static bool fail_run(struct rp_db *db, void *arg, struct rp_err *err)
{
    struct fail *f = arg;
    int64_t added = 0;
    return rp_runs_record(db, &f->record, 1, RP_STR("test"), f->now_us, &added, err);
}

/* As it is reported to the daemon; the pattern that the job has then. */
static int64_t reported_as(struct rig *r, const char *type, const char *message)
{
    struct world *w = r->w;
    struct rp_err err;
    struct fail f = {.now_us = rp_wall(w->clock)};
    struct rp_report *p = &f.record.report;
    struct rp_failure_facts facts = {.message = rp_str_of(message)};
    f.record.type = rp_str_of(type);
    f.record.attempt = 1;
    p->outcome = RP_OUT_FAILED;
    p->facts.error = facts.message;
    p->facts.started_us = p->facts.ended_us = f.now_us;
    rp_explain_failure(r->mining, &w->arena, &facts, p);
    must(rp_engine_write(w->engine, fail_run, &f, &err), &err);
    struct rp_job_filter newest = {.type = f.record.type};
    struct rp_job *job;
    size_t n;
    bool more;
    must(rp_jobs_list(w->reader, &newest, 0, 1, &w->arena, &job, &n, &more, &err), &err);
    return job[0].pattern_id;
}

static int64_t reported(struct rig *r, const char *message)
{
    return reported_as(r, "a", message);
}

static size_t patterns(struct rig *r, struct rp_pattern **v)
{
    struct rp_err err;
    size_t n;
    must(rp_patterns_list(r->w->reader, 0, 100, &r->w->arena, v, &n, &err), &err);
    return n;
}

static struct rp_pattern pattern(struct rig *r, int64_t id)
{
    struct rp_err err;
    struct rp_pattern p;
    must(rp_pattern_get(r->w->reader, id, &r->w->arena, &p, &err), &err);
    return p;
}

static void wait_for_patterns(struct rig *r, size_t n)
{
    struct rp_pattern *v;
    for (int i = 0; i < 6000 && patterns(r, &v) != n; i++)
        pause_ms(10);
    size_t is = patterns(r, &v);
    for (size_t i = 0; is != n && i < is; i++)
        print_error("P%lld %.*s\n", (long long)v[i].id, RP_FMT(v[i].template));
    assert_int_equal(is, n);
}

static void wait_for_template(struct rig *r, int64_t id, const char *template)
{
    for (int i = 0; i < 6000 && !rp_str_is(pattern(r, id).template, template); i++)
        pause_ms(10);
    if (!rp_str_is(pattern(r, id).template, template))
        fail_msg("P%lld says %.*s", (long long)id, RP_FMT(pattern(r, id).template));
}

static const char *const names[] = {"alice", "bob", "carol", "dave", "erin", "frank"};
enum { NAMES = sizeof names / sizeof *names };

static const char *message_of(struct rig *r, const char *name)
{
    return rp_cstr(&r->w->arena,
                   rp_str_fmt(&r->w->arena, "tenant of user %s is not in region north", name));
}

/* One failure a name, each a pattern of its own because nothing is mined; after a start they are
 * one. */
static int64_t fail_names(struct rig *r)
{
    rp_mining_stop(r->mining);
    int64_t first = reported(r, message_of(r, names[0]));
    for (size_t i = 1; i < NAMES; i++)
        assert_int_equal(reported(r, message_of(r, names[i])), first + (int64_t)i);
    rig_close(r);
    rig_open(r);
    wait_for_patterns(r, 1);
    wait_for_template(r, first, "tenant of user <*> is not in region north");
    return first;
}

/* ---- tests ---- */

static void U1_what_differs_in_values_has_one_pattern_at_once(void **state)
{
    struct rig *r = *state;
    int64_t id =
        reported(r, "could not send invoice 17 to /srv/mail/a/17.pdf at 10.0.0.7: refused");
    assert_int_equal(reported(r, "could not send invoice 9 to /var/b.pdf at 10.9.8.7: refused"),
                     id);
    assert_int_not_equal(
        reported(r, "could not read invoice 9 from /var/b.pdf at 10.9.8.7: refused"), id);
    assert_int_equal(
        reported_as(r, "b", "could not send invoice 1 to /var/c.pdf at 10.9.8.7: refused"), id);
}

static void U1_an_empty_reason_is_its_own_pattern(void **state)
{
    struct rig *r = *state;
    int64_t empty = reported(r, "");
    assert_int_equal(reported(r, "\n \n"), empty);
    for (int i = 0; i < 3; i++) /* what is like it in words */
        assert_int_not_equal(reported(r, i == 0   ? "no mail"
                                         : i == 1 ? "no room"
                                                  : "no messages in queue mail"),
                             empty);
    assert_true(rp_str_is(pattern(r, empty).template, "no message"));
    assert_int_equal(reported(r, ""), empty);
    assert_int_equal(pattern(r, empty).n_parts, 0);
}

static void exit_codes_without_a_word_stay_apart(void **state)
{
    struct rig *r = *state;
    int64_t one = reported(r, "exit code 1");
    assert_int_not_equal(reported(r, "exit code 2"), one);
    assert_int_not_equal(reported(r, "ended by SIGSEGV"), reported(r, "ended by SIGKILL"));
    assert_int_equal(reported(r, "exit code 1"), one);
}

static void messages_of_two_classes_are_never_one_pattern(void **state)
{
    struct rig *r = *state;
    int64_t limit = reported(r, "HTTP 429 from 10.0.0.1"),
            broken = reported(r, "HTTP 503 from 10.0.0.1");
    assert_int_not_equal(limit, broken);
    assert_int_equal(reported(r, "HTTP 503 from 10.0.0.9"), broken);
    assert_int_not_equal(reported(r, "HTTP 502 from 10.0.0.9"), broken);
    assert_true(rp_str_is(pattern(r, limit).class, "rate_limit"));
}

static const char *new_name(struct rig *r, int n)
{
    char name[] = {'g', 'r', (char)('a' + n / 26), (char)('a' + n % 26), 'x', '\0'};
    return message_of(r, name);
}

static void names_become_one_pattern_and_new_ones_belong_to_it_at_once(void **state)
{
    struct rig *r = *state;
    int64_t id = fail_names(r);
    int n = 0;
    while (n < 600 && reported(r, new_name(r, n++)) != id)
        pause_ms(100); /* the templates are read a moment after they can be seen */
    for (int i = 0; i < 3; i++)
        assert_int_equal(reported(r, new_name(r, n++)), id);
}

static void a_restart_knows_all_that_was_known(void **state)
{
    struct rig *r = *state;
    int64_t id = fail_names(r), other = reported(r, "disk sda1 has no room for 17 files");
    rig_close(r);
    rig_open(r);
    assert_int_equal(reported(r, message_of(r, "bob")), id);
    assert_int_equal(reported(r, message_of(r, "zoe")), id);
    assert_int_equal(reported(r, "disk sda1 has no room for 3 files"), other);
    wait_for_patterns(r, 2);
}

static bool split_run(struct rp_db *db, void *arg, struct rp_err *err)
{
    return rp_pattern_split(db, *(const int64_t *)arg, RP_STR("ada"), RP_NONE, 1, err);
}

static void what_was_split_stays_apart_over_rounds_and_restarts(void **state)
{
    struct rig *r = *state;
    struct rp_err err;
    int64_t id = fail_names(r);
    must(rp_engine_write(r->w->engine, split_run, &id, &err), &err);
    wait_for_patterns(r, NAMES);
    wait_for_template(r, id, "tenant of user alice is not in region north");
    rig_close(r);
    rig_open(r);
    /* A round that finds something has seen those that were split. */
    for (size_t i = 0; i < NAMES; i++)
        (void)reported(
            r, rp_cstr(&r->w->arena,
                       rp_str_fmt(&r->w->arena, "host %s lost its lease on zone b", names[i])));
    wait_for_patterns(r, NAMES + 1);
    assert_int_equal(reported(r, message_of(r, names[0])), id);
    assert_int_not_equal(reported(r, message_of(r, names[1])), id);
}

/* ---- two levels ---- */

static const char *const wrapped[] = {
    "sync failed: connection refused to 10.0.0.7:5432",
    "sync failed: no tenant acme in region north",
    "sync failed: Cannot read properties of undefined (reading 'id')",
    "sync failed: connection refused to 10.0.0.9:5432",
    "sync failed: no tenant delta in region north",
    "sync failed: no tenant globex in region north",
    "sync failed: no tenant initech in region north",
    "sync failed: no tenant umbrella in region north",
};
enum { WRAPPED = sizeof wrapped / sizeof *wrapped };
static const struct {
    const char *inner, *class;
    int64_t failures;
} pairs[] = {{"no tenant <*> in region north", "unknown", 5},
             {"connection refused to <*>:<*>", "connection", 2},
             {"Cannot read properties of undefined (reading 'id')", "code_bug", 1}};
enum { PAIRS = sizeof pairs / sizeof *pairs };

static bool are_pairs(const struct rp_pattern *v, size_t n)
{
    bool ok = n == PAIRS;
    for (size_t i = 0; ok && i < PAIRS; i++)
        ok = rp_str_is(v[i].inner, pairs[i].inner) && rp_str_is(v[i].class, pairs[i].class) &&
             v[i].failures == pairs[i].failures && v[i].outer.id != 0 &&
             v[i].outer.id == v[0].outer.id && v[i].outer.failures == WRAPPED &&
             v[i].outer.patterns == PAIRS && rp_str_is(v[i].outer.template, "sync failed: <*>");
    return ok;
}

/* Until the list is what the messages add up to; the message that wraps them. */
static int64_t wait_for_pairs(struct rig *r, int64_t ids[PAIRS])
{
    struct rp_pattern *v;
    size_t n = patterns(r, &v);
    for (int i = 0; i < 6000 && !are_pairs(v, n); i++) {
        pause_ms(10);
        n = patterns(r, &v);
    }
    for (size_t i = 0; !are_pairs(v, n) && i < n; i++)
        print_error("P%lld %lld x %.*s | %.*s\n", (long long)v[i].id, (long long)v[i].failures,
                    RP_FMT(v[i].outer.template), RP_FMT(v[i].inner));
    assert_true(are_pairs(v, n));
    for (size_t i = 0; i < PAIRS; i++)
        ids[i] = v[i].id;
    return v[0].outer.id;
}

static void a_message_around_errors_of_several_classes_is_one_with_a_pair_each(void **state)
{
    struct rig *r = *state;
    int64_t born[WRAPPED], ids[PAIRS];
    for (size_t i = 0; i < WRAPPED; i++)
        born[i] = reported(r, wrapped[i]);
    int64_t outer = wait_for_pairs(r, ids);
    assert_int_equal(ids[0], born[1]); /* the oldest numbers live */
    assert_int_equal(ids[1], born[0]);
    assert_int_equal(ids[2], born[2]);
    struct rp_pattern p = pattern(r, outer);
    assert_true(p.wraps);
    assert_int_equal(p.failures, WRAPPED);
    assert_null(p.class.p);
}

/* Two halves, the second one mined after the first, are what the whole is; and the other way. */
static void halves_that_are_mined_one_after_the_other_are_the_whole(void **state)
{
    struct rig *r = *state;
    int64_t ids[PAIRS];
    for (size_t i = WRAPPED; i-- > WRAPPED / 2;)
        (void)reported(r, wrapped[i]);
    wait_for_patterns(r, 1);
    for (size_t i = 0; i < WRAPPED / 2; i++)
        (void)reported(r, wrapped[i]);
    (void)wait_for_pairs(r, ids);
}

static void pairs_and_their_message_keep_their_numbers_over_a_restart(void **state)
{
    struct rig *r = *state;
    int64_t ids[PAIRS], again[PAIRS];
    for (size_t i = 0; i < WRAPPED; i++)
        (void)reported(r, wrapped[i]);
    int64_t outer = wait_for_pairs(r, ids);
    rig_close(r);
    rig_open(r);
    assert_int_equal(wait_for_pairs(r, again), outer);
    assert_memory_equal(ids, again, sizeof ids);
    assert_int_equal(reported(r, "sync failed: no tenant zubro in region north"), ids[0]);
    int64_t new = reported(r, "sync failed: quota of the mailbox is used up");
    struct rp_pattern p = pattern(r, new); /* at once */
    assert_int_equal(p.outer.id, outer);
    assert_true(rp_str_is(p.inner, "quota of the mailbox is used up"));
    assert_true(rp_str_is(p.template, "sync failed: quota of the mailbox is used up"));
    assert_int_equal(pattern(r, outer).failures, WRAPPED + 2);
}

static void a_pair_that_was_split_off_says_its_own_words_under_its_message(void **state)
{
    struct rig *r = *state;
    struct rp_err err;
    int64_t ids[PAIRS];
    for (size_t i = 0; i < WRAPPED; i++)
        (void)reported(r, wrapped[i]);
    int64_t outer = wait_for_pairs(r, ids);
    must(rp_engine_write(r->w->engine, split_run, &ids[0], &err), &err);
    wait_for_patterns(r, PAIRS - 1 + 5);
    wait_for_template(r, ids[0], "sync failed: no tenant acme in region north");
    struct rp_pattern *v;
    size_t n = patterns(r, &v);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(v[i].outer.id, outer);
    assert_int_equal(pattern(r, outer).failures, WRAPPED);
}

static void values_in_a_message_are_one_pattern_and_not_many(void **state)
{
    struct rig *r = *state;
    struct world *w = r->w;
    rp_mining_stop(r->mining);
    int64_t first = 0;
    for (int i = 0; i < 12; i++) {
        int64_t id = reported(r, rp_cstr(&w->arena, rp_str_fmt(&w->arena,
                                                               "cannot settle the account of: "
                                                               "customer%cx%d%c",
                                                               'a' + i, i, 'k' + i)));
        first = first != 0 ? first : id;
    }
    rig_close(r);
    rig_open(r);
    wait_for_patterns(r, 1);
    wait_for_template(r, first, "cannot settle the account of: <*>");
    assert_int_equal(pattern(r, first).outer.id, 0);
}

struct old {
    uint64_t hash[16];
    size_t n;
};

static void note_form(void *ctx, const struct rp_form_row *f)
{
    struct old *o = ctx;
    o->hash[o->n++] = f->hash;
}

static bool make_old(struct rp_db *db, void *arg, struct rp_err *err)
{
    struct old *o = arg;
    if (!rp_forms_each(db, note_form, o, err))
        return false;
    for (size_t i = 0; i < o->n; i++) { /* as if another scanner had made them */
        struct rp_str form = RP_STR("\2\x03\0row\0\1\0 \x84\0\1\0 \2\x04\0lost");
        if (!rp_form_move(db, o->hash[i], 4711 + i, form, 0, err))
            return false;
    }
    return true;
}

static void forms_of_older_rules_are_scanned_anew_and_keep_their_pattern(void **state)
{
    struct rig *r = *state;
    struct rp_err err;
    struct old old = {.n = 0};
    int64_t id = reported(r, "row 17 lost");
    must(rp_engine_write(r->w->engine, make_old, &old, &err), &err);
    assert_int_equal(old.n, 1);
    rig_close(r);
    rig_open(r);
    struct old now = {.n = 0};
    must(rp_forms_each(r->w->reader, note_form, &now, &err), &err);
    assert_int_equal(now.n, 1);
    assert_true(now.hash[0] == old.hash[0]);
    assert_int_equal(reported(r, "row 3 lost"), id);
}

/* However much of it is left: it is found again by the next. */
static void G26_a_round_ends_with_the_stop(void **state)
{
    struct rig *r = *state;
    struct world *w = r->w;
    struct rp_err err = {0};
    assert_ptr_equal(r->mining->db->cut, rp_engine_cut(w->engine));
    rp_mining_stop(r->mining);
    for (size_t i = 0; i < NAMES; i++)
        (void)reported(r, message_of(r, names[i]));
    rp_engine_stop(w->engine);
    assert_false(rp_mining_round(r->mining, &err));
    assert_int_equal(err.code, RP_E_STOPPING);
    rp_mining_free(r->mining);
    rp_db_close(w->reader);
    rp_engine_free(w->engine);
    rp_store_close(w->store);
    rig_open(r);
    wait_for_patterns(r, 1);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(U1_what_differs_in_values_has_one_pattern_at_once),
        T(U1_an_empty_reason_is_its_own_pattern),
        T(exit_codes_without_a_word_stay_apart),
        T(messages_of_two_classes_are_never_one_pattern),
        T(names_become_one_pattern_and_new_ones_belong_to_it_at_once),
        T(a_restart_knows_all_that_was_known),
        T(what_was_split_stays_apart_over_rounds_and_restarts),
        T(a_message_around_errors_of_several_classes_is_one_with_a_pair_each),
        T(halves_that_are_mined_one_after_the_other_are_the_whole),
        T(pairs_and_their_message_keep_their_numbers_over_a_restart),
        T(a_pair_that_was_split_off_says_its_own_words_under_its_message),
        T(values_in_a_message_are_one_pattern_and_not_many),
        T(forms_of_older_rules_are_scanned_anew_and_keep_their_pattern),
        T(G26_a_round_ends_with_the_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
