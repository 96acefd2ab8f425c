/* Loading: what a good file becomes. Its mistakes: mistakes_test.c. */
#include "config/config.h"

#include "base/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static struct rp_mistakes mistakes;

static const char *variable(void *ctx, const char *name)
{
    (void)ctx;
    if (strcmp(name, "DATABASE_URL") == 0)
        return "postgresql://app:geheim@db/billing";
    if (strcmp(name, "N") == 0)
        return "7";
    return NULL;
}

static const struct rp_config_world world = {.variable = variable};

static struct rp_config *parse(const char *text)
{
    return rp_config_parse(rp_str_of(text), RP_STR("t.yaml"), &world, &mistakes);
}

static struct rp_config *good(const char *text)
{
    struct rp_config *c = parse(text);
    if (c == NULL) {
        struct rp_buf out = {0};
        rp_mistakes_print(&mistakes, RP_STR("t.yaml"), &out);
        print_message("%s\n%s", text, out.p);
        rp_buf_free(&out);
        fail_msg("a good configuration was refused");
    }
    return c;
}

static void assert_text(struct rp_str s, const char *want)
{
    if (!rp_str_is(s, want))
        fail_msg("found \"%.*s\", expected \"%s\"", RP_FMT(s), want);
}

static const char sample[] =
    "store: sqlite:///var/lib/reprise/reprise.db       # or postgresql://…\n"
    "listen: 127.0.0.1:7420                            # API + dashboard\n"
    "socket: /run/reprise/reprise.sock\n"
    "defaults: { timeout: 5m, retries: 3, backoff: exponential }\n"
    "dependencies:\n"
    "  billing-db: { postgres: \"${DATABASE_URL}\" }\n"
    "  stripe-api: { http: \"https://api.example.com/health\", expect: 200, timeout: 3s }\n"
    "  cache: { tcp: \"127.0.0.1:6379\", every: 10s }\n"
    "jobs:\n"
    "  reconciliation:\n"
    "    run: [node, dist/reconcile.js]     # a command\n"
    "    schedule: \"0 2 * * *\"\n"
    "    timezone: Europe/Berlin\n"
    "    overlap: skip                      # skip | queue | replace | allow\n"
    "    missed: run-once                   # run-once | run-all | skip\n"
    "    timeout: 5m\n"
    "    retries: 3\n"
    "    idempotent: true\n"
    "    critical: true\n"
    "    needs: [billing-db, stripe-api]\n"
    "    expect: { output: \"reconciled \", not_output: \"WARN\", min_duration: 1s }\n"
    "alerts:\n"
    "  job_failure_rate: { above: 10%, window: 15m, min_runs: 20 }\n"
    "  queue_backlog_age: { above: 10m }\n"
    "  job_timeout_rate: { above: 5%, window: 15m, min_runs: 20 }\n"
    "  schedule_missed: {}\n"
    "escalation: { failed_jobs: 1000, unresolved_for: 1h, critical: true }\n"
    "replay: { settle: 60s, wave_max: 200, max_running: 2, halt_alpha: 1% }\n"
    "notify:\n"
    "  - { webhook: \"https://hooks.example.com/x\", secret_file: /etc/reprise/webhook.key }\n";

static void the_sample_of_the_interfaces_page_loads_with_every_value(void **state)
{
    (void)state;
    struct rp_config *c = good(sample);
    const struct rp_type *t = rp_config_type(c, RP_STR("reconciliation"));
    const struct rp_schedule *s = rp_config_schedule(c, RP_STR("reconciliation"));
    const struct rp_dep *db = rp_config_dep(c, RP_STR("billing-db"));
    const struct rp_dep *http = rp_config_dep(c, RP_STR("stripe-api"));
    assert_non_null(t);
    assert_non_null(s);
    assert_int_equal(c->n_deps, 3);
    assert_text(db->target, "postgresql://app:geheim@db/billing");
    assert_int_equal(db->kind, RP_DEP_POSTGRES);
    assert_int_equal(http->timeout_us, 3 * RP_US_S);
    assert_int_equal(http->every_us, 10 * RP_US_S);
    assert_int_equal(t->run.n, 2);
    assert_text(t->run.v[1], "dist/reconcile.js");
    assert_int_equal(t->timeout_us, 5 * RP_US_MIN);
    assert_int_equal(t->retry.retries, 3);
    assert_int_equal(t->retry.max_us, RP_US_H);
    assert_true(t->idempotent && t->critical);
    assert_int_equal(t->needs.n, 2);
    assert_text(t->expect.output, "reconciled ");
    assert_int_equal(t->expect.min_duration_us, RP_US_S);
    assert_int_equal(t->expect.min_bytes, -1);
    assert_text(s->zone, "Europe/Berlin");
    assert_string_equal(rp_zone_name(s->tz), "Europe/Berlin");
    assert_int_equal(s->line, 12);
    assert_int_equal(s->overlap, RP_OVERLAP_SKIP);
    assert_true(c->failure_rate_above > .0999 && c->failure_rate_above < .1001);
    assert_int_equal(c->escalation.failed_jobs, 1000);
    assert_int_equal(c->notify[0].kind, RP_NOTIFY_WEBHOOK);
    assert_text(c->notify[0].secret_file, "/etc/reprise/webhook.key");
    rp_config_free(c);
}

static void an_empty_file_gives_the_documented_defaults(void **state)
{
    (void)state;
    struct rp_config *c = good("");
    assert_text(c->store, "sqlite:///var/lib/reprise/reprise.db");
    assert_text(c->listen, "127.0.0.1:7420");
    assert_int_equal(c->lease_us, 30 * RP_US_S);
    assert_int_equal(c->body_bytes, 8000000);
    assert_int_equal(c->backlog_age_above_us, 10 * RP_US_MIN);
    assert_int_equal(c->failure_rate_min_runs, 20);
    assert_int_equal(c->wave_max, 200);
    assert_int_equal(c->replay_items_max, 2000000);
    assert_true(c->max_running >= 2 && c->node.n > 0);
    rp_config_free(c);
    c = good("jobs:\n  a:\n");
    const struct rp_type *t = c->types[0];
    assert_int_equal(t->grace_us, 10 * RP_US_S);
    assert_int_equal(t->umask, 077);
    assert_int_equal(t->output_bytes, 256000);
    assert_int_equal(t->poison_after, 3);
    assert_int_equal(t->retry.base_us, RP_US_S);
    assert_int_equal(t->run.n, 0);
    assert_int_equal(c->n_schedules, 0);
    assert_text(t->queue, "default");
    rp_config_free(c);
}

static void a_job_may_give_every_key(void **state)
{
    (void)state;
    struct rp_config *c =
        good("queues: { mail: { max_running: 4, weight: 3 } }\n"
             "hosts: [jobs.example.com]\n"
             "jobs:\n"
             "  all:\n"
             "    description: does all\n"
             "    shell: echo $HOME $${HOME}\n"
             "    queue: mail\n"
             "    priority: -5\n"
             "    soft_timeout: 1m\n"
             "    timeout: 2m\n"
             "    grace: 3s\n"
             "    backoff: [1s, 10s, 1m]\n"
             "    max_running: ${N}\n"
             "    env: { TZ: UTC, EMPTY: , API_KEY: abc }\n"
             "    cwd: /srv\n"
             "    user: www-data\n"
             "    umask: 022\n"
             "    limits: { memory: 512M, cpu_time: 90s, cpus: 1.5, open_files: 100, processes: 9, "
             "file_size: 1GB }\n"
             "    output_limit: 1MiB\n"
             "    expect:\n"
             "      file: /backup/db.zst\n"
             "      newer_than: 2h\n"
             "      min_bytes: 50% of usual\n"
             "      max_duration: 1h\n"
             "      result: { /rows: \">0\", /state: ok }\n"
             "    expect_every: 1d\n"
             "    expect_within: 2h\n"
             "    poison_after: 2\n"
             "    stdin: |\n"
             "      one\n"
             "      two\n"
             "    payload: { a: [1, -2.5e3, \"3\", true, null, x y], b: {} }\n"
             "    schedule: H 3 * * MON-FRI\n"
             "    timezone: America/New_York\n"
             "    overlap: replace\n"
             "    missed: run-all\n"
             "    missed_max: 7\n"
             "    start_within: 10m\n"
             "    jitter: 30s\n");
    const struct rp_type *t = c->types[0];
    const struct rp_schedule *s = &c->schedules[0];
    assert_int_equal(c->queues[0].weight, 3);
    assert_text(t->run.v[0], "/bin/sh");
    assert_text(t->run.v[2], "echo $HOME ${HOME}");
    assert_int_equal(t->max_running, 7);
    assert_int_equal(t->priority, -5);
    assert_int_equal(t->retry.kind, RP_BACKOFF_LIST);
    assert_int_equal(t->retry.delays_us[2], RP_US_MIN);
    assert_int_equal(t->n_env, 3);
    assert_text(t->env[1].value, "");
    assert_int_equal(t->umask, 022);
    assert_int_equal(t->limits.memory_bytes, 512 << 20);
    assert_int_equal(t->limits.cpu_s, 90);
    assert_true(t->limits.cpus > 1.49 && t->limits.cpus < 1.51);
    assert_int_equal(t->limits.file_bytes, 1000000000);
    assert_int_equal(t->output_bytes, 1 << 20);
    assert_true(t->expect.min_bytes_of_usual > .499 && t->expect.min_bytes_of_usual < .501);
    assert_int_equal(t->expect.n_result, 2);
    assert_string_equal(t->expect.result[0].op, ">");
    assert_text(t->expect.result[0].value, "0");
    assert_string_equal(t->expect.result[1].op, "=");
    assert_text(t->stdin_text, "one\ntwo\n");
    assert_text(s->payload, "{\"a\":[1,-2.5e3,\"3\",true,null,\"x y\"],\"b\":{}}");
    assert_int_equal(s->overlap, RP_OVERLAP_REPLACE);
    assert_int_equal(s->missed, RP_MISSED_RUN_ALL);
    assert_int_equal(s->missed_max, 7);
    assert_int_equal(s->jitter_us, 30 * RP_US_S);
    rp_config_free(c);
}

static void a_job_starts_from_the_defaults_and_adds_its_own(void **state)
{
    (void)state;
    struct rp_config *c = good("jobs:\n"
                               "  a: { timeout: 1m, env: { B: own }, limits: { processes: 5 } }\n"
                               "  b: { backoff: { kind: fixed, base: 5s } }\n"
                               "  c: { schedule: '@daily', backoff: exponential }\n"
                               "defaults:\n"
                               "  timeout: 9m\n"
                               "  retries: 4\n"
                               "  backoff: [2s]\n"
                               "  timezone: Asia/Tokyo\n"
                               "  env: { A: a, B: b }\n"
                               "  limits: { memory: 1K }\n");
    const struct rp_type *a = rp_config_type(c, RP_STR("a"));
    const struct rp_type *b = rp_config_type(c, RP_STR("b"));
    assert_int_equal(a->timeout_us, RP_US_MIN);
    assert_int_equal(a->retry.retries, 4);
    assert_int_equal(a->retry.kind, RP_BACKOFF_LIST);
    assert_int_equal(a->limits.memory_bytes, 1024);
    assert_int_equal(a->limits.processes, 5);
    assert_int_equal(a->n_env, 2);
    assert_text(a->env[1].value, "own");
    assert_text(b->env[1].value, "b");
    assert_int_equal(b->timeout_us, 9 * RP_US_MIN);
    assert_int_equal(b->retry.kind, RP_BACKOFF_FIXED);
    assert_int_equal(b->retry.base_us, 5 * RP_US_S);
    assert_text(c->schedules[0].zone, "Asia/Tokyo");
    assert_int_equal(rp_config_type(c, RP_STR("c"))->retry.kind, RP_BACKOFF_EXPONENTIAL);
    rp_config_free(c);
}

static void types_and_dependencies_are_found_by_name_in_any_order(void **state)
{
    (void)state;
    struct rp_buf text = {0};
    rp_buf_fmt(&text, "jobs:\n");
    for (int i = 0; i < 3000; i++)
        rp_buf_fmt(&text, "  j%d: { schedule: \"%d 3 * * *\" }\n", i * 7919 % 3000, i % 60);
    struct rp_config *c = good(text.p);
    for (int i = 0; i < 3000; i++) {
        char name[20];
        (void)snprintf(name, sizeof name, "j%d", i);
        assert_text(rp_config_type(c, rp_str_of(name))->name, name);
        assert_text(rp_config_schedule(c, rp_str_of(name))->type, name);
    }
    assert_null(rp_config_type(c, RP_STR("j3000")));
    rp_config_free(c);
    rp_buf_free(&text);
}

static struct rp_config *many_schedules(int n)
{
    struct rp_buf text = {0};
    rp_buf_fmt(&text, "jobs:\n");
    for (int i = 0; i < n; i++)
        rp_buf_fmt(&text, "  j%d: { schedule: \"%d 3 * * *\" }\n", i, i % 60);
    struct rp_config *c = good(text.p);
    rp_buf_free(&text);
    return c;
}

/* Memory with 100,000 schedules is mostly this. */
static void G18_a_job_with_a_schedule_takes_a_kilobyte_of_memory(void **state)
{
    (void)state;
    enum { JOBS = 5000 };
    struct rp_config *c = many_schedules(JOBS);
    assert_int_equal(c->n_schedules, JOBS);
    assert_in_range(c->arena.used, JOBS * (sizeof(struct rp_type) + sizeof(struct rp_schedule)),
                    JOBS * 1024);
    rp_config_free(c);
}

/* … and a daemon keeps what was changed as long as it runs. */
static void a_change_of_settings_takes_the_memory_of_the_types_that_it_changes(void **state)
{
    (void)state;
    enum { JOBS = 5000 };
    struct rp_config *c = many_schedules(JOBS);
    struct rp_setting set[] = {{RP_STR("j7"), RP_STR("timeout"), RP_STR("9s")},
                               {RP_STR("j7"), RP_STR("retries"), RP_STR("2")},
                               {RP_STR("j8"), RP_STR("retries"), RP_STR("3")}};
    struct rp_err err;
    struct rp_config *with = rp_config_with(c, set, 3, &err);
    assert_non_null(with);
    assert_in_range(with->arena.used, 1, JOBS * 16);
    const struct rp_type *t = rp_config_type(with, RP_STR("j7"));
    assert_int_equal(t->timeout_us, 9 * RP_US_S);
    assert_int_equal(t->retry.retries, 2);
    assert_int_equal(rp_config_type(with, RP_STR("j8"))->retry.retries, 3);
    assert_int_equal(rp_config_type(c, RP_STR("j7"))->retry.retries, 0);
    assert_ptr_equal(rp_config_type(with, RP_STR("j9")), rp_config_type(c, RP_STR("j9")));
    rp_config_free(with);
    rp_config_free(c);
}

static void a_secret_from_the_environment_is_in_no_mistake_and_no_source(void **state)
{
    (void)state;
    struct rp_buf out = {0};
    assert_null(
        parse("dependencies:\n  a: { tcp: \"${DATABASE_URL}\" }\n"
              "  b: { http: \"${DATABASE_URL}\" }\nstore: x${DATABASE_URL}\n"
              "listen: \"${DATABASE_URL}\"\njobs: { j: { timeout: \"${DATABASE_URL}\" } }\n"));
    rp_mistakes_print(&mistakes, RP_STR("t.yaml"), &out);
    assert_int_equal(mistakes.errors, 5);
    assert_null(strstr(out.p, "geheim"));
    rp_buf_free(&out);
}

static void the_source_of_a_job_is_its_own_text_with_secrets_masked(void **state)
{
    (void)state;
    struct rp_config *c = good("jobs:\n"
                               "  a:\n"
                               "    run: [x] # why\n"
                               "    env:\n"
                               "      API_TOKEN: \"s3cret\"\n"
                               "      DB: postgres://u:pw@h/d\n"
                               "      DEBUG: on\n"
                               "      Private_Key: |\n"
                               "        line 1\n"
                               "        line 2\n"
                               "    retries: 1\n"
                               "\n"
                               "# of the next\n"
                               "  b: { env: { PASSWORD: x, A: y } }\n");
    assert_text(rp_config_type(c, RP_STR("a"))->source, "  a:\n"
                                                        "    run: [x] # why\n"
                                                        "    env:\n"
                                                        "      API_TOKEN: \"(masked)\"\n"
                                                        "      DB: (masked)\n"
                                                        "      DEBUG: on\n"
                                                        "      Private_Key: |\n"
                                                        "(masked)\n"
                                                        "    retries: 1\n");
    assert_text(rp_config_type(c, RP_STR("b"))->source,
                "  b: { env: { PASSWORD: (masked), A: y } }\n");
    rp_config_free(c);
}

static void aliases_work_and_a_bomb_of_them_is_refused(void **state)
{
    (void)state;
    struct rp_config *c = good("jobs:\n  a: &x { run: [y], retries: 2 }\n  b: *x\n");
    assert_int_equal(rp_config_type(c, RP_STR("b"))->retry.retries, 2);
    assert_text(rp_config_type(c, RP_STR("b"))->source, " { run: [y], retries: 2 }\n");
    rp_config_free(c);
    struct rp_buf text = {0};
    rp_buf_fmt(&text, "jobs:\n  j:\n    payload:\n      a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 9; i++) {
        rp_buf_fmt(&text, "      a%d: &a%d [", i, i);
        for (int k = 0; k < 9; k++)
            rp_buf_fmt(&text, "*a%d, ", i - 1);
        rp_buf_fmt(&text, "]\n");
    }
    assert_null(parse(text.p));
    assert_non_null(strstr(mistakes.error[0].err.message, "more than 500000 values"));
    rp_buf_free(&text);
}

/* YAML 1.2.2, examples 7.4 to 7.9, and what libfyaml 0.7.12 by itself reads wrong. */
static void quoted_texts_are_read_as_yaml_says(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *text;
    } cases[] = {
        {"'here''s to \"quotes\"'", "here's to \"quotes\""},
        {"'echo '''' ''''''x'", "echo '' '''x"},
        {"' 1st non-empty\n\n       2nd non-empty \n      3rd non-empty '",
         " 1st non-empty\n2nd non-empty 3rd non-empty "},
        {"\"folded \n      to a space,\t\n\n      to a line feed, or \t\\\n       \\ "
         "\tnon-content\"",
         "folded to a space,\nto a line feed, or \t \tnon-content"},
        {"\"a\\\\\\\n      \\\\b\"", "a\\\\b"},
        {"\"\\x41\\u00e4\\U0001F600\\t\\\"\\/\"", "A\xC3\xA4\xF0\x9F\x98\x80\t\"/"},
        {"\"tab\\t\n      x\"", "tab\t x"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rp_buf b = {0};
        rp_buf_fmt(&b, "jobs:\n  a:\n    stdin: %s\n", cases[i].yaml);
        struct rp_config *c = good(b.p);
        assert_text(c->types[0]->stdin_text, cases[i].text);
        rp_config_free(c);
        rp_buf_free(&b);
    }
}

static void deep_nesting_and_large_files_are_refused(void **state)
{
    (void)state;
    char deep[5000];
    memset(deep, '[', sizeof deep - 1);
    deep[sizeof deep - 1] = '\0';
    assert_null(parse(deep));
    assert_int_equal(mistakes.error[0].column, 33);
    struct rp_buf big = {0};
    while (big.n <= RP_CONFIG_BYTES_MAX)
        rp_buf_str(&big, RP_STR("# 0123456789012345678901234567890123456789\n"));
    assert_null(parse(big.p));
    assert_non_null(strstr(mistakes.error[0].err.message, "larger than 4 MB"));
    rp_buf_free(&big);
}

static void a_schedule_that_meets_a_clock_change_is_warned_of_with_its_date(void **state)
{
    (void)state;
    struct rp_config_world from = world;
    assert_true(rp_time_parse(RP_STR("2026-01-01T00:00:00Z"), &from.now_us));
    struct rp_config *c =
        rp_config_parse(RP_STR("jobs:\n  a:\n    schedule: 30 2 * * *\n"
                               "    timezone: Europe/Berlin\n  b: { schedule: 30 2 * * * }\n"),
                        RP_STR("t"), &from, &mistakes);
    assert_non_null(c);
    assert_int_equal(mistakes.warnings, 2);
    assert_int_equal(mistakes.warning[0].line, 3);
    assert_int_equal(mistakes.warning[0].column, 15);
    assert_non_null(strstr(mistakes.warning[0].err.message, "2026-03-29"));
    assert_non_null(strstr(mistakes.warning[0].err.message, "2026-03-29T01:00:00Z"));
    assert_non_null(strstr(mistakes.warning[1].err.message, "2026-10-25"));
    assert_non_null(strstr(mistakes.warning[1].err.message, "2026-10-25T00:30:00Z"));
    rp_config_free(c);
}

static void what_does_nothing_is_warned_of(void **state)
{
    (void)state;
    rp_config_free(good("jobs:\n  a: { jitter: 5s, timeout: 5s, soft_timeout: 6s }\n"));
    assert_int_equal(mistakes.warnings, 2);
    assert_int_equal(mistakes.warning[0].column, 8);
}

static void a_missing_file_and_a_folder_are_said(void **state)
{
    (void)state;
    assert_null(rp_config_load("/nonexistent/reprise.yaml", NULL, &mistakes));
    assert_string_equal(mistakes.error[0].err.message, "cannot be read: No such file or directory");
    assert_non_null(strstr(mistakes.error[0].err.hint, "--config"));
    assert_null(rp_config_load("/", NULL, &mistakes));
    assert_non_null(strstr(mistakes.error[0].err.message, "directory"));
    struct rp_err err;
    assert_false(rp_mistakes_err(&mistakes, RP_STR("/"), &err));
    assert_int_equal(err.code, RP_E_CONFIG);
    assert_string_equal(err.message, "/: cannot be read: Is a directory");
}

static void a_file_loads_as_its_text_does(void **state)
{
    (void)state;
    char path[] = "/tmp/reprise-config-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    static const char text[] = "\xEF\xBB\xBFnode: n1\r\njobs:\r\n  a: {}\r\n";
    assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
    (void)close(fd);
    struct rp_config *c = rp_config_load(path, NULL, &mistakes);
    assert_non_null(c);
    assert_text(c->node, "n1");
    assert_text(c->path, path);
    rp_config_free(c);
    (void)unlink(path);
}

static void the_reference_in_docs_is_that_of_the_table(void **state)
{
    (void)state;
    static const char path[] = RP_TESTS "/../docs/configuration.md";
    struct rp_buf want = {0};
    rp_config_reference(&want);
    FILE *f = fopen(path, getenv("REPRISE_UPDATE_DOCS") != NULL ? "w+" : "r");
    assert_non_null(f);
    if (getenv("REPRISE_UPDATE_DOCS") != NULL)
        assert_int_equal(fwrite(want.p, 1, want.n, f), want.n);
    rewind(f);
    char *have = rp_xcalloc(want.n + 2, 1);
    size_t n = fread(have, 1, want.n + 1, f);
    if (n != want.n || memcmp(have, want.p, n) != 0)
        fail_msg("docs/configuration.md is old; run this test with REPRISE_UPDATE_DOCS=1");
    (void)fclose(f);
    free(have);
    rp_buf_free(&want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sample_of_the_interfaces_page_loads_with_every_value),
        cmocka_unit_test(an_empty_file_gives_the_documented_defaults),
        cmocka_unit_test(a_job_may_give_every_key),
        cmocka_unit_test(a_job_starts_from_the_defaults_and_adds_its_own),
        cmocka_unit_test(types_and_dependencies_are_found_by_name_in_any_order),
        cmocka_unit_test(G18_a_job_with_a_schedule_takes_a_kilobyte_of_memory),
        cmocka_unit_test(a_change_of_settings_takes_the_memory_of_the_types_that_it_changes),
        cmocka_unit_test(a_secret_from_the_environment_is_in_no_mistake_and_no_source),
        cmocka_unit_test(the_source_of_a_job_is_its_own_text_with_secrets_masked),
        cmocka_unit_test(aliases_work_and_a_bomb_of_them_is_refused),
        cmocka_unit_test(quoted_texts_are_read_as_yaml_says),
        cmocka_unit_test(deep_nesting_and_large_files_are_refused),
        cmocka_unit_test(a_schedule_that_meets_a_clock_change_is_warned_of_with_its_date),
        cmocka_unit_test(what_does_nothing_is_warned_of),
        cmocka_unit_test(a_missing_file_and_a_folder_are_said),
        cmocka_unit_test(a_file_loads_as_its_text_does),
        cmocka_unit_test(the_reference_in_docs_is_that_of_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
