/* Templates: what varies is masked, what means something stays. */
#include "analyze/analyze.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct rp_arena arena;

static void expect(const char *line, const char *template)
{
    struct rp_str t = rp_mask(&arena, rp_str_of(line));
    assert_string_equal(rp_cstr(&arena, t), template);
}

static void values_become_wildcards(void **state)
{
    (void)state;
    expect("took 12.5 s, 3 of 1,482 rows", "took <*> s, <*> of <*> rows");
    expect("job 7f3c4a53-9f33-4f1e-a0b4-2f110c1f2e6e lost", "job <*> lost");
    expect("connect 10.0.0.7:5432 or [::1]:80 or fe80::1", "connect <*> or <*> or <*>");
    expect("at 2026-11-23T22:59:10.204Z and 2026-11-23 22:59:10,307 and 22:59:10",
           "at <*> and <*> and <*>");
    expect("Nov 23 22:28:42 down since 23/Nov/2026:22:28:42 +0000", "<*> down since <*>");
    expect("after 250ms, 1h30m, 16334160kB, 99%", "after <*>");
    expect("key 'abc' and \"x y\" of ann.lee@mail.example.com", "key '<*>' and \"<*>\" of <*>");
    expect("ptr 0x7ffd12 sha deadbeef12 blk_38865049064139660", "ptr <*> sha <*> blk_<*>");
    expect("GET https://u:p@api.example.com/v1/jobs/4711?t=abc failed",
           "GET https://<*>@api.example.com/v1/jobs/<*>?<*> failed");
    expect("open /tmp/tmpab_x9/in and /home/ann/run-17.log",
           "open /tmp/<*>/in and /home/<*>/run-<*>.log");
}

static void meaning_stays(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "HTTP 429 Too Many Requests",
        "returned error: 503",
        "status code 404",
        "504 Gateway Time-out",
        "[Errno 111] Connection refused",
        "connect ECONNREFUSED",
        "exit code 137",
        "signal 9 (SIGKILL)",
        "SQLSTATE[40P01] deadlock",
        "sqlstate: 23505",
        "ERROR 1062 duplicate",
        "{ \"code\": 429 }",
        "Worker was sent 'SIGKILL'",
        "eth0 of IPv6",
        "don't and can't",
        "a relation is missing",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        expect(lines[i], lines[i]);
}

static void statuses_with_other_meaning_have_other_templates(void **state)
{
    (void)state;
    struct rp_str a = rp_mask(&arena, RP_STR("job 17: HTTP 429 from 10.0.0.1"));
    struct rp_str b = rp_mask(&arena, RP_STR("job 99: HTTP 429 from 10.0.0.2"));
    struct rp_str c = rp_mask(&arena, RP_STR("job 99: HTTP 503 from 10.0.0.2"));
    assert_true(rp_str_eq(a, b));
    assert_false(rp_str_eq(b, c));
}

static void hashes_are_stable_over_versions(void **state)
{
    (void)state;
    struct rp_failure_facts f = {.message = RP_STR("Error: job 12 failed after 3s")};
    struct rp_fingerprint out;
    rp_fingerprint(&arena, &f, &out);
    assert_true(rp_str_is(out.template, "Error: job <*> failed after <*>"));
    assert_true(out.hash == rp_hash64(RP_STR("Error: job <*> failed after <*>")));
    assert_true(out.hash == UINT64_C(0x1f6570babeef6455)); /* FNV-1a, calculated elsewhere */
}

/* Masking is a projection: a template is its own template. */
static void masking_twice_changes_nothing(void **state)
{
    (void)state;
    FILE *f = fopen(RP_TESTS "/unit/analyze/failures.tsv", "r");
    char *line = NULL;
    size_t cap = 0;
    assert_non_null(f);
    while (getline(&line, &cap, f) > 0) {
        struct rp_str once = rp_mask(&arena, rp_str_of(line)), twice = rp_mask(&arena, once);
        assert_string_equal(rp_cstr(&arena, twice), rp_cstr(&arena, once));
    }
    free(line);
    (void)fclose(f);
}

static int done(void **state)
{
    (void)state;
    rp_arena_free(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_become_wildcards),
        cmocka_unit_test(meaning_stays),
        cmocka_unit_test(statuses_with_other_meaning_have_other_templates),
        cmocka_unit_test(hashes_are_stable_over_versions),
        cmocka_unit_test(masking_twice_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, done);
}
