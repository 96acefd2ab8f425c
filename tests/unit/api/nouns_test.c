/* The nouns: queues, schedules, types, dependencies, patterns, analysis, replays, tokens; and that
 * status, metrics and rows agree. */
#include "api_world.h"

#include "store/opened.h"

#include <sqlite3.h>
#include <sys/stat.h>

/* ---- queues, types ---- */

static void a_paused_queue_says_by_whom_and_gives_no_work(void **state)
{
    struct world *w = *state;
    want(w, "POST", "/v1/jobs", "{\"type\":\"mail\"}", 201, NULL);
    want(w, "POST", "/v1/queues/default/pause", "{\"reason\":\"upgrade\"}", 200,
         "\"paused\":{\"by\":\"uid:");
    want(w, "POST", "/v1/work/fetch", "{\"worker\":\"w\"}", 200, "{\"leases\":[]}");
    want(w, "GET", "/v1/status", NULL, 200, "\"reprise queue resume default\"");
    want(w, "POST", "/v1/queues/default/resume", NULL, 200, "\"waiting\":1");
    want(w, "POST", "/v1/work/fetch", "{\"worker\":\"w\"}", 200, "\"type\":\"mail\"");
    want(w, "GET", "/v1/queues", NULL, 200, "{\"items\":[{\"name\":\"default\"");
}

static void a_type_shows_its_settings(void **state)
{
    struct world *w = *state;
    want(w, "GET", "/v1/types", NULL, 200, "\"name\":\"bill\"");
    want(w, "GET", "/v1/types/mail", NULL, 200, "\"idempotent\":true");
    want(w, "GET", "/v1/types/nosuch", NULL, 404, "not-found");
}

static void U29_a_check_lists_waiting_jobs_of_types_that_will_be_gone(void **state)
{
    struct world *w = *state;
    want(w, "POST", "/v1/jobs", "[{\"type\":\"mail\"},{\"type\":\"mail\"},{\"type\":\"bill\"}]",
         201, NULL);
    want(w, "POST", "/v1/check/waiting", "{\"types\":[\"nightly\",\"bill\"]}", 200,
         "{\"items\":[{\"type\":\"mail\",\"why\":");
    want(w, "POST", "/v1/check/waiting", "{\"types\":[\"nightly\",\"bill\"]}", 200,
         "\"waiting\":2}]}");
    want(w, "POST", "/v1/check/waiting", "{\"types\":[\"mail\",\"bill\"]}", 200, "{\"items\":[]}");
    want(w, "POST", "/v1/check/waiting", "{\"types\":[]}", 200, "\"type\":\"bill\"");
    want(w, "POST", "/v1/check/waiting", "{}", 400, "bad-field");
}

/* ---- schedules ---- */

static void a_schedule_tells_its_next_instants_in_utc(void **state)
{
    struct world *w = *state;
    want(w, "GET", "/v1/schedules", NULL, 200, "\"name\":\"nightly\"");
    /* Berlin leaves summer time on 2026-10-25: 02:00 is 00:00Z before, 01:00Z after */
    want(w, "GET", "/v1/schedules/nightly/next?n=3&from=2026-10-23T12:00:00Z", NULL, 200,
         "\"next\":[\"2026-10-24T00:00:00.000000Z\",\"2026-10-25T00:00:00.000000Z\","
         "\"2026-10-26T01:00:00.000000Z\"]}");
    want(w, "GET", "/v1/schedules/nightly/next", NULL, 200, "\"timezone\":\"Europe/Berlin\"");
    want(w, "GET", "/v1/schedules/nosuch/next", NULL, 404, "not-found");
}

static void a_schedule_run_by_hand_is_in_its_ledger(void **state)
{
    struct world *w = *state;
    want(w, "POST", "/v1/schedules/nightly/pause", "{\"reason\":\"r\"}", 200, "\"paused\":{\"by\"");
    want(w, "POST", "/v1/schedules/nightly/resume", NULL, 200, "\"active\":true");
    want(w, "POST", "/v1/schedules/nightly/run", "{\"overlap\":true}", 201, "\"type\":\"nightly\"");
    want(w, "GET", "/v1/schedules/nightly/occurrences?from=-1h&to=2100-01-01T00:00:00Z&limit=2",
         NULL, 200, "\"manual\":true");
    want(w, "POST", "/v1/schedules/nightly/run", "{\"overlap\":1}", 400, "bad-field");
}

/* ---- dependencies ---- */

static void a_dependency_is_checked_when_asked_and_holds_what_needs_it(void **state)
{
    struct world *w = *state;
    want(w, "POST", "/v1/dependencies/check", NULL, 200, "\"state\":\"down\"");
    want(w, "POST", "/v1/dependencies/check", "{\"name\":\"gone\"}", 200, "\"name\":\"gone\"");
    want(w, "POST", "/v1/dependencies/check", "{\"name\":\"nosuch\"}", 404, "not-found");
    want(w, "POST", "/v1/jobs", "{\"type\":\"bill\"}", 201, NULL);
    want(w, "GET", "/v1/dependencies", NULL, 200, "\"held\":1");
    want(w, "GET", "/v1/status", NULL, 200, "\"next\":[\"reprise deps\"");
    char token[128];
    struct answer a = ask(w, &(struct ask){.method = "POST",
                                           .path = "/v1/dependencies/check",
                                           .token = make_token(w, "read", token)});
    want_problem(&a, 403, "forbidden");
    answer_free(&a);
}

/* ---- failures ---- */

static void fail_three(struct world *w)
{
    want(w, "POST", "/v1/jobs", "[{\"type\":\"mail\"},{\"type\":\"mail\"},{\"type\":\"mail\"}]",
         201, NULL);
    fail_one(w, "mail", "connect ECONNREFUSED 10.0.0.1:5432");
    fail_one(w, "mail", "connect ECONNREFUSED 10.0.0.2:5432");
    fail_one(w, "mail", "No space left on device");
}

static void failures_are_analysed_by_pattern(void **state)
{
    struct world *w = *state;
    fail_three(w);
    struct answer a = post(w, "/v1/analyses", "{\"since\":\"1h\",\"type\":\"mail\"}");
    want_status(&a, 200);
    want_text(&a, "\"runs\":3,\"failures\":3,\"unexplained\":0");
    want_text(&a, "\"count\":2,\"share\":0.66");
    want_text(&a, "\"types\":{\"mail\":2}");
    want_text(&a, "\"class\":\"disk_full\"");
    assert_true(strstr(a.body.p, "connection") < strstr(a.body.p, "disk_full"));
    answer_free(&a);
    want(w, "POST", "/v1/analyses", NULL, 200, "\"failures\":3");
    want(w, "POST", "/v1/analyses",
         "{\"since\":\"2020-01-01T00:00:00Z\",\"until\":\"2020-01-02T00:00:00Z\"}", 200,
         "\"runs\":0,\"failures\":0");
    want(w, "POST", "/v1/analyses", "{\"type\":\"nosuch\"}", 404, "not-found");
    want(w, "POST", "/v1/analyses", "{\"since\":\"1h\",\"until\":\"2h\"}", 400, "bad-field");
    want(w, "POST", "/v1/analyses", "{\"since\":\"soon\"}", 400, "bad-field");
}

static void a_pattern_can_be_named_and_its_class_corrected(void **state)
{
    struct world *w = *state;
    fail_three(w);
    want(w, "GET", "/v1/patterns", NULL, 200, "\"id\":\"P1\"");
    want(w, "POST", "/v1/patterns/P1", "{\"name\":\"billing\",\"class\":\"dns\"}", 200,
         "\"class\":\"dns\",\"group\":\"dependency\"");
    want(w, "GET", "/v1/patterns/P1", NULL, 200, "\"name\":\"billing\"");
    want(w, "POST", "/v1/patterns/P1", "{\"class\":\"bad luck\"}", 400, "bad-field");
    want(w, "POST", "/v1/patterns/P1", "{}", 400, "bad-field");
    want(w, "POST", "/v1/patterns/P99", "{\"name\":\"x\"}", 404, "not-found");
    want(w, "GET", "/v1/patterns/1", NULL, 404, "not-found");
}

static void want_refused(const struct world *w, const char *fields, const char *says)
{
    want(w, "POST", "/v1/jobs", "{\"type\":\"mail\"}", 201, NULL);
    struct answer a = report_one(w, "mail", fields);
    want_problem(&a, 400, "bad-field");
    want_text(&a, says);
    answer_free(&a);
}

static void a_reports_numbers_are_what_they_can_be_or_refused(void **state)
{
    struct world *w = *state;
#define FAILED "\"outcome\":\"failed\","
    want_refused(w, FAILED "\"exit\":{\"code\":4294967296}", "an exit code must be from");
    want_refused(w, FAILED "\"exit\":{\"signal\":65}", "a signal must be from 0 to 64");
    want_refused(w, FAILED "\"error\":{\"message\":\"x\",\"http_status\":4294967796}",
                 "an HTTP status must be from");
}

static void want_error(const struct world *w, const char *error, const char *shown)
{
    char fields[300];
    want(w, "POST", "/v1/jobs", "{\"type\":\"mail\"}", 201, NULL);
    (void)snprintf(fields, sizeof fields, FAILED "\"error\":{%s,\"retryable\":false}", error);
    struct answer a = report_one(w, "mail", fields);
    want_status(&a, 200);
    answer_free(&a);
    want(w, "GET", "/v1/jobs?state=failed&limit=1", NULL, 200, shown);
}

/* As Node prints it: "Error [CODE]: message". */
static void an_errors_code_is_part_of_what_it_says_once(void **state)
{
    struct world *w = *state;
    want_error(w, "\"message\":\"it is there\",\"type\":\"ClientError\",\"code\":\"P2002\"",
               "\"ClientError [P2002]: it is there\"");
    want_error(w, "\"message\":\"it is gone\",\"code\":\"P2025\"", "\"P2025: it is gone\"");
    want_error(w,
               "\"message\":\"connect ECONNREFUSED\",\"type\":\"Error\",\"code\":\"ECONNREFUSED\"",
               "\"Error: connect ECONNREFUSED\"");
}

static void two_patterns_can_be_merged_and_split_again(void **state)
{
    struct world *w = *state;
    fail_three(w);
    want(w, "POST", "/v1/patterns/P2/merge", "{\"with\":\"7\"}", 400, "bad-field");
    want(w, "POST", "/v1/patterns/P2/merge", "{}", 400, "bad-field");
    want(w, "POST", "/v1/patterns/P2/merge", "{\"with\":\"P9\"}", 404, "not-found");
    want(w, "POST", "/v1/patterns/P2/split", NULL, 409, "no other pattern");
    want(w, "POST", "/v1/patterns/P2/merge", "{\"with\":\"P1\",\"reason\":\"r\"}", 200,
         "\"id\":\"P1\"");
    want(w, "GET", "/v1/patterns/P2", NULL, 200, "\"failures\":3");
    want(w, "GET", "/v1/patterns/P2", NULL, 200, "\"parts\":[\"P2\"]");
    want(w, "GET", "/v1/jobs?pattern=P2", NULL, 200, "No space left");
    want(w, "POST", "/v1/patterns/P1/merge", "{\"with\":\"P2\"}", 409, "one pattern already");
    want(w, "POST", "/v1/patterns/P2/split", NULL, 200, "\"id\":\"P2\"");
    want(w, "GET", "/v1/patterns/P1", NULL, 200, "\"failures\":2");
}

/* ---- replays ---- */

static void U3_a_plan_is_run_by_its_hash_or_refused(void **state)
{
    struct world *w = *state;
    char hash[128], body[300];
    fail_three(w);
    want(w, "GET", "/v1/status", NULL, 200, "\"reprise replay --type mail --since 24h --dry-run\"");
    struct answer a = post(w, "/v1/replays", "{\"select\":{\"pattern\":\"P1\"},\"dry_run\":true}");
    want_status(&a, 200);
    want_text(&a, "\"matched\":2,\"to_replay\":2");
    (void)value_of(&a, "plan", hash);
    answer_free(&a);
    want(w, "GET", "/v1/jobs/count?state=failed", NULL, 200, "{\"count\":3}");
    a = post(w, "/v1/replays",
             "{\"select\":{\"type\":\"mail\"},\"guard\":{\"plan\":\"0000000000000000\"}}");
    want_problem(&a, 409, "refused");
    want_text(&a, "\"check\":\"plan\"");
    answer_free(&a);
    (void)snprintf(body, sizeof body,
                   "{\"select\":{\"pattern\":\"P1\"},\"guard\":{\"plan\":\"%s\",\"canary\":1}}",
                   hash);
    want(w, "POST", "/v1/replays", body, 201, "{\"id\":\"R1\",\"state\":\"running\"");
    want(w, "GET", "/v1/replays", NULL, 200, "\"id\":\"R1\"");
    wait_text(w, "/v1/jobs/count?state=queued", "{\"count\":1}"); /* the canary */
    want(w, "GET", "/v1/replays/R1/items?limit=1", NULL, 200, "\"next_cursor\":");
    want(w, "POST", "/v1/replays/R1/pause", "{\"reason\":\"look\"}", 200, "\"state\":\"paused\"");
    want(w, "GET", "/v1/status", NULL, 200, "\"reprise replay show R1\"");
    want(w, "POST", "/v1/replays/R1/resume", NULL, 200, "\"state\":\"running\"");
    want(w, "POST", "/v1/replays/R1/abort", NULL, 200, "\"state\":\"aborted\"");
    want(w, "POST", "/v1/replays/R1/resume", NULL, 409, "bad-state");
    want(w, "POST", "/v1/replays/R1/undo", "{\"reason\":\"r\"}", 200, "\"state\":\"undone\"");
    want(w, "GET", "/v1/replays/R2", NULL, 404, "not-found");
}

static void a_refused_replay_names_the_check(void **state)
{
    struct world *w = *state;
    want(w, "POST", "/v1/jobs", "{\"type\":\"mail\"}", 201, NULL);
    fail_one(w, "mail", "connect ECONNREFUSED 10.0.0.1:5432");
    struct answer a = post(w, "/v1/replays", "{\"select\":{\"jobs\":[\"1\"]},\"dry_run\":true}");
    want_status(&a, 200);
    want_text(&a, "\"to_replay\":1");
    answer_free(&a);
    a = post(w, "/v1/replays", "{\"select\":{\"type\":\"bill\"}}");
    want_problem(&a, 409, "refused");
    want_text(&a, "\"check\":\"");
    want_text(&a, "\"says\":\"");
    answer_free(&a);
}

/* ---- tokens ---- */

static void S2_a_tokens_secret_is_shown_once_and_never_kept(void **state)
{
    struct world *w = *state;
    struct answer a = post(w, "/v1/tokens", "{\"name\":\"ci\",\"scope\":\"enqueue\"}");
    char secret[128];
    want_status(&a, 201);
    (void)value_of(&a, "token", secret);
    assert_int_equal(strlen(secret), 46);
    answer_free(&a);
    a = get(w, "/v1/tokens");
    want_text(&a, "\"name\":\"ci\",\"scope\":\"enqueue\"");
    assert_null(strstr(a.body.p, secret));
    assert_null(strstr(a.body.p, "rp_"));
    answer_free(&a);
    a = ask(w, &(struct ask){.method = "POST",
                             .path = "/v1/tokens",
                             .body = "{\"name\":\"ci\",\"scope\":\"enqueue\"}",
                             .header = {"Idempotency-Key: k"}});
    want_problem(&a, 400, "bad-field");
    answer_free(&a);
}

/* ---- how it is ---- */

static int64_t count_rows(const struct world *w, const char *sql)
{
    sqlite3 *db;
    sqlite3_stmt *s;
    assert_int_equal(sqlite3_open_v2(w->store_path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    int64_t n = sqlite3_column_int64(s, 0);
    (void)sqlite3_finalize(s);
    (void)sqlite3_close(db);
    return n;
}

static int64_t metric(const struct answer *a, const char *sample)
{
    char line[200];
    (void)snprintf(line, sizeof line, "\n%s ", sample);
    const char *p = strstr(a->body.p, line);
    if (p == NULL)
        fail_msg("no %s in: %s", sample, a->body.p);
    return strtoll(p + strlen(line), NULL, 10);
}

static void G30_metrics_and_status_agree_with_the_rows(void **state)
{
    struct world *w = *state;
    static const char *const states[] = {"scheduled", "queued", "running",
                                         "retrying",  "failed", "unknown"};
    char sample[100], sql[200];
    fail_three(w);
    want(w, "POST", "/v1/jobs",
         "[{\"type\":\"mail\"},{\"type\":\"mail\"},{\"type\":\"bill\"},{\"type\":\"mail\","
         "\"delay_s\":3600}]",
         201, NULL);
    want(w, "POST", "/v1/work/fetch", "{\"worker\":\"w\",\"types\":[\"mail\"]}", 200, "lease");
    struct answer a = get(w, "/metrics");
    want_status(&a, 200);
    want_header(&a, "Content-Type: text/plain; version=0.0.4");
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        (void)snprintf(sample, sizeof sample, "reprise_jobs{state=\"%s\"}", states[i]);
        (void)snprintf(sql, sizeof sql, "select count(*) from jobs_v where state = '%s'",
                       states[i]);
        assert_int_equal(metric(&a, sample), count_rows(w, sql));
    }
    assert_int_equal(metric(&a, "reprise_jobs{state=\"failed\"}"), 3);
    assert_int_equal(metric(&a, "reprise_queue_jobs{queue=\"default\",state=\"running\"}"), 1);
    assert_int_equal(metric(&a, "reprise_runs_total{outcome=\"failed\"}"),
                     count_rows(w, "select count(*) from attempt where outcome = 2"));
    answer_free(&a);
    want(w, "GET", "/v1/status", NULL, 200, "\"failed_total\":3,\"unknown_total\":0");
}

/* As if a reader had been in its way: the next commit says again how long it is. */
static void grow_log(struct world *w, int64_t pages)
{
    struct rp_wal *log = &w->store->wal;
    (void)pthread_mutex_lock(&log->lock);
    log->pages = pages;
    (void)pthread_mutex_unlock(&log->lock);
}

static bool says(struct world *w, const char *path, const char *words)
{
    struct answer a = get(w, path);
    want_status(&a, 200);
    bool found = strstr(a.body.p, words) != NULL;
    answer_free(&a);
    return found;
}

static void G20_a_log_that_has_become_large_is_said(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *path, *words;
    } all[] = {
        {"/v1/status", "\"store_log\":{\"bytes\":412000032,"},
        {"/v1/doctor",
         "\"check\":\"store-log\",\"state\":\"fails\",\"says\":\"the log holds 392 MB"},
        {"/metrics", "\nreprise_store_log_bytes 412000032\n"},
    };
    assert_false(says(w, "/v1/status", "store_log"));
    assert_true(says(w, "/v1/doctor", "\"check\":\"store-log\",\"state\":\"holds\""));
    int64_t until = rp_mono(&rp_clock_system) + DEADLINE_S * RP_US_S;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        for (bool found = false; !found; found = says(w, all[i].path, all[i].words)) {
            assert_true(rp_mono(&rp_clock_system) < until);
            grow_log(w, 100000);
        }
    grow_log(w, 1);
}

static void U30_readiness_proves_a_write(void **state)
{
    struct world *w = *state;
    int64_t before = count_rows(w, "select count(*) from meta where key = 'probe'");
    want(w, "GET", "/healthz", NULL, 200, "ok");
    want(w, "GET", "/readyz", NULL, 200, "{\"ready\":true}");
    assert_int_equal(before, 0);
    assert_int_equal(count_rows(w, "select count(*) from meta where key = 'probe'"), 1);
}

/* Another process holds the store's write lock: what the daemon writes fails, and it says so. */
static void U30_a_store_that_cannot_be_written_is_not_ready_and_says_since_when(void **state)
{
    struct world *w = *state;
    sqlite3 *db;
    assert_int_equal(sqlite3_open(w->store_path, &db), SQLITE_OK);
    (void)sqlite3_busy_timeout(db, 10000);
    assert_int_equal(sqlite3_exec(db, "begin immediate", NULL, NULL, NULL), SQLITE_OK);
    struct answer a = get(w, "/readyz");
    want_header(&a, "Content-Type: application/problem+json");
    want_status(&a, 503);
    want_text(&a, "\"since\":\"");
    want_header(&a, "Retry-After: 1");
    answer_free(&a);
    want(w, "GET", "/healthz", NULL, 200, "ok");
    a = get(w, "/v1/status");
    want_text(&a, "\"ready\":false,\"write_fails\":{\"since\":\"");
    want_text(&a, "\"next\":[\"reprise doctor\"");
    answer_free(&a);
    assert_int_equal(sqlite3_exec(db, "rollback", NULL, NULL, NULL), SQLITE_OK);
    (void)sqlite3_close(db);
    want(w, "GET", "/readyz", NULL, 200, "{\"ready\":true}");
    want(w, "GET", "/v1/status", NULL, 200, "\"ready\":true");
}

static void doctor_finds_what_is_wrong_with_the_files(void **state)
{
    struct world *w = *state;
    want(w, "GET", "/v1/doctor", NULL, 200,
         "{\"findings\":[{\"check\":\"store\",\"state\":\"holds\"");
    want(w, "GET", "/v1/doctor", NULL, 200, "{\"check\":\"store-files\",\"state\":\"holds\"");
    want(w, "GET", "/v1/doctor", NULL, 200, "{\"check\":\"socket\",\"state\":\"holds\"");
    assert_int_equal(chmod(w->store_path, 0644), 0);
    assert_int_equal(chmod(w->socket, 0666), 0);
    struct answer a = get(w, "/v1/doctor");
    want_text(&a, "{\"check\":\"store-files\",\"state\":\"fails\"");
    want_text(&a, "\"hint\":\"chmod 600 ");
    want_text(&a, "{\"check\":\"socket\",\"state\":\"fails\"");
    assert_true(rp_json_valid(rp_buf_view(&a.body), NULL));
    answer_free(&a);
    want(w, "POST", "/v1/dependencies/check", NULL, 200, NULL);
    want(w, "POST", "/v1/jobs", "{\"type\":\"bill\"}", 201, NULL);
    a = get(w, "/v1/doctor");
    want_text(&a, "gone is down: ");
    want_text(&a, "bill is held: dependency gone is down (1 job waits)");
    answer_free(&a);
}

static void a_status_has_all_parts(void **state)
{
    static const char *const members[] = {
        "node",    "version",   "now",  "started_at", "ready",        "stopping",
        "covers",  "queues",    "deps", "failures",   "failed_total", "unknown_total",
        "replays", "schedules", "next", "impact",     "running",      "retried_failures"};
    struct answer a = get(*state, "/v1/status");
    want_status(&a, 200);
    assert_true(rp_json_valid(rp_buf_view(&a.body), NULL));
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        char key[64];
        (void)snprintf(key, sizeof key, "\"%s\":", members[i]);
        want_text(&a, key);
    }
    answer_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)
        T(a_paused_queue_says_by_whom_and_gives_no_work),
        T(a_type_shows_its_settings),
        T(U29_a_check_lists_waiting_jobs_of_types_that_will_be_gone),
        T(a_schedule_tells_its_next_instants_in_utc),
        T(a_schedule_run_by_hand_is_in_its_ledger),
        T(a_dependency_is_checked_when_asked_and_holds_what_needs_it),
        T(failures_are_analysed_by_pattern),
        T(a_pattern_can_be_named_and_its_class_corrected),
        T(a_reports_numbers_are_what_they_can_be_or_refused),
        T(an_errors_code_is_part_of_what_it_says_once),
        T(two_patterns_can_be_merged_and_split_again),
        T(U3_a_plan_is_run_by_its_hash_or_refused),
        T(a_refused_replay_names_the_check),
        T(S2_a_tokens_secret_is_shown_once_and_never_kept),
        T(G30_metrics_and_status_agree_with_the_rows),
        T(G20_a_log_that_has_become_large_is_said),
        T(U30_readiness_proves_a_write),
        T(U30_a_store_that_cannot_be_written_is_not_ready_and_says_since_when),
        T(doctor_finds_what_is_wrong_with_the_files),
        T(a_status_has_all_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
