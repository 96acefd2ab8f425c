/* Forms as bytes (miner.md 16, 17): what was kept is the form that it was, and a miner that is made
 * of kept forms finds what one finds that saw the lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analyze/miner/kept.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const lines[] = {
    "could not connect to 10.0.0.7:5432: connection refused",
    "user alice has no tenant in region north",
    "user bob has no tenant in region south",
    "user carol has no tenant in region east",
    "user dave has no tenant in region west",
    "GET /v1/jobs/17?x=y HTTP/1.1 took 12ms, wrote 4 KB",
    "key=\"a b\"\tpath=/srv/x/1 <Repr 1> [word] `x`",
    "queue billing is full",
    "queue mail is full",
    "queue reports is full",
    "queue audit is full",
    "",
    "\xC3\xA4\xFF\x01 \xE2\x80",
    "<*> 17 <*>",
};
enum { LINES = sizeof lines / sizeof *lines };

struct fixture {
    struct rp_arena arena;
    struct rp_scan *scan;
};

static int open_scan(void **state)
{
    struct fixture *f = rp_xcalloc(1, sizeof *f);
    f->scan = rp_scan_new();
    *state = f;
    return 0;
}

static int close_scan(void **state)
{
    struct fixture *f = *state;
    rp_scan_free(f->scan);
    rp_arena_free(&f->arena);
    free(f);
    return 0;
}

static struct rp_str pack(struct fixture *f, size_t i)
{
    (void)rp_kept_scan(f->scan, rp_str_of(lines[i]));
    return rp_kept_pack(f->scan, &f->arena);
}

static void bytes_are_the_form_that_they_were_made_of(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < LINES; i++) {
        struct rp_str packed = pack(f, i), text = rp_kept_text(f->scan, &f->arena);
        assert_true(rp_kept_unpack(f->scan, packed));
        assert_true(rp_str_eq(rp_kept_text(f->scan, &f->arena), text));
        assert_true(rp_str_eq(rp_kept_pack(f->scan, &f->arena), packed));
    }
    (void)rp_kept_scan(f->scan, rp_str_of(lines[0]));
    assert_true(rp_str_is(rp_kept_text(f->scan, &f->arena),
                          "could not connect to <*>:<*>: connection refused"));
}

/* A wildcard is not the text that shows it. */
static void a_wildcard_is_told_from_its_text(void **state)
{
    struct fixture *f = *state;
    uint64_t text = rp_kept_scan(f->scan, RP_STR("took <*> rows")),
             value = rp_kept_scan(f->scan, RP_STR("took 7 rows"));
    assert_true(text != value);
}

static void damaged_bytes_are_refused(void **state)
{
    struct fixture *f = *state;
    struct rp_str packed = pack(f, 0);
    for (size_t n = 1; n < packed.n; n++) { /* cut anywhere: refused, or a shorter form */
        char *own = malloc(n);              /* so that a sanitizer sees a byte too many */
        memcpy(own, packed.p, n);
        (void)rp_kept_unpack(f->scan, (struct rp_str){own, n});
        free(own);
    }
    assert_false(rp_kept_unpack(f->scan, (struct rp_str){packed.p, 2}));
    assert_false(rp_kept_unpack(f->scan, RP_STR("\x7F\x01\x00x")));
    assert_false(rp_kept_unpack(f->scan, (struct rp_str){"\2\0\0", 3})); /* a word of no letters */
    struct rp_buf many = {0};
    for (int i = 0; i < 5000; i++)
        rp_buf_add(&many, "\2\1\0x", 4);
    assert_false(rp_kept_unpack(f->scan, rp_buf_view(&many)));
    rp_buf_free(&many);
}

static void kept_forms_are_mined_like_the_lines(void **state)
{
    struct fixture *f = *state;
    struct rp_miner *seen = rp_miner_new(), *kept = rp_miner_new();
    uint32_t first[LINES], second[LINES];
    for (size_t i = 0; i < LINES; i++) {
        first[i] = rp_miner_add(seen, rp_str_of(lines[i]));
        second[i] = rp_kept_pattern(kept, RP_NONE);
        assert_true(rp_kept_form(kept, pack(f, i), second[i]));
    }
    rp_miner_refine(seen);
    rp_miner_refine(kept);
    for (size_t i = 0; i < LINES; i++) {
        assert_true(
            rp_str_eq(rp_miner_template(seen, first[i]), rp_miner_template(kept, second[i])));
        for (size_t k = 0; k < i; k++)
            assert_int_equal(rp_miner_resolve(seen, first[i]) == rp_miner_resolve(seen, first[k]),
                             rp_miner_resolve(kept, second[i]) ==
                                 rp_miner_resolve(kept, second[k]));
    }
    assert_int_equal(rp_miner_resolve(kept, second[4]), second[1]); /* the oldest one lives */
    rp_miner_free(seen);
    rp_miner_free(kept);
}

static void a_line_is_like_the_template_that_has_wildcards_where_it_differs(void **state)
{
    struct fixture *f = *state;
    struct rp_miner *m = rp_miner_new();
    uint32_t user = rp_kept_pattern(m, RP_STR("tenant of <*> is gone in <*>")),
             queue = rp_kept_pattern(m, RP_STR("queue <*> is full"));
    rp_kept_templates_end(m);
    (void)rp_kept_scan(f->scan, RP_STR("tenant of erin is gone in lyon"));
    assert_int_equal(rp_kept_match(m, f->scan), user);
    (void)rp_kept_scan(f->scan, RP_STR("queue exports is full"));
    assert_int_equal(rp_kept_match(m, f->scan), queue);
    (void)rp_kept_scan(f->scan, RP_STR("queue exports is empty"));
    assert_int_equal(rp_kept_match(m, f->scan), RP_MINER_OTHER);
    rp_miner_free(m);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, open_scan, close_scan)
    const struct CMUnitTest tests[] = {
        T(bytes_are_the_form_that_they_were_made_of),
        T(a_wildcard_is_told_from_its_text),
        T(damaged_bytes_are_refused),
        T(kept_forms_are_mined_like_the_lines),
        T(a_line_is_like_the_template_that_has_wildcards_where_it_differs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
