#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analyze/miner/chars.h"
#include "analyze/miner/internal.h"

static struct rp_scan warm, cold;

static uint64_t random_state = 88172645463325252U;

/* xorshift64, Marsaglia 2003: the same lines in every run. */
static size_t any(size_t below)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state % below;
}

/* Pieces with which a token's end, or what a mask takes, hangs on what comes next. */
static const char *const pieces[] = {
    "queue",
    "queues",
    "of",
    "May",
    "Sun",
    "a",
    "user",
    "GET",
    "Received",
    "eth0",
    "ssh2",
    "B",
    "KB",
    "abc",
    "host-1",
    "a.example.com",
    "x/y",
    "A::B",
    "a#b",
    "deadbee1",
    "\xC3\xA9",
    ":",
    ":",
    "-",
    "+",
    "=",
    "/",
    "[",
    "]",
    "(",
    ",",
    ".",
    "#",
    "~",
    "*",
    "\"",
    "\xE2\x80\x9C",
    "\xE2",
    "12",
    "7ms",
    "10.0.0.1",
    ":80",
    "://",
    "/srv/a",
    "HTTP/1",
    "reports",
    "is",
    "missing",
    "connection refused",
    " ",
    " ",
    " ",
    " ",
    "  ",
    "\t",
    "C:\\x",
};

/* Of few pieces, so that lines begin alike. */
enum { FEW = 6 };
static struct rp_str some_line(struct rp_buf *b, const char *const *few)
{
    b->n = 0;
    for (size_t n = 1 + any(14); n > 0; n--) {
        rp_buf_str(b, rp_str_of(few[any(FEW)]));
        if (any(3) > 0)
            rp_buf_c(b, ' ');
        if (any(40) == 0)
            rp_buf_c(b, (char)any(256));
    }
    return rp_buf_view(b);
}

static void assert_same_tokens(const struct rp_scan *a, const struct rp_scan *b)
{
    assert_int_equal(a->n, b->n);
    for (size_t i = 0; i < a->n; i++) {
        assert_int_equal(a->v[i].kind, b->v[i].kind);
        assert_int_equal(a->v[i].n, b->v[i].n);
        assert_memory_equal(a->v[i].p, b->v[i].p, a->v[i].n);
    }
}

static void what_was_met_before_changes_no_answer(void **state)
{
    enum { LINES = 60000, ALIKE = 200 };
    const char *few[FEW];
    struct rp_buf b = {0};
    size_t taken = 0;
    (void)state;
    for (size_t i = 0; i < LINES; i++) {
        for (size_t k = 0; i % ALIKE == 0 && k < FEW; k++)
            few[k] = k == 0   ? &":-+"[any(3)] /* a mark, or more of them */
                     : k == 1 ? "  "
                              : pieces[any(sizeof pieces / sizeof pieces[0])];
        struct rp_str line = some_line(&b, few);
        memset(&cold.stretches, 0, sizeof cold.stretches);
        uint64_t hash = rp_scan_line(&warm, line);
        assert_int_equal(hash, rp_scan_line(&cold, line));
        rp_stretch_write(&warm);
        rp_stretch_write(&cold);
        assert_int_equal(hash, rp_scan_hash(&cold));
        assert_same_tokens(&warm, &cold);
    }
    for (size_t i = 0; i < RP_STRETCHES; i++)
        taken += warm.stretches.v[i].before != 0;
    assert_true(taken > RP_STRETCHES / 2); /* it did know stretches */
    rp_buf_free(&b);
}

/* By the definition of rp_bits and the RP_SEEN_ bits, one byte at a time. */
static void bits_are_the_classes_of_bytes(void **state)
{
    static const char often[] = "az09_ :/?\xE2\x80\x9C\xC3\n-";
    static char room[300 + 2 * RP_LINE_PAD];
    static struct rp_bits bits;
    (void)state;
    for (size_t round = 0; round < 3000; round++) {
        size_t n = any(300);
        uint32_t seen = 0;
        memset(room, 0, sizeof room);
        for (size_t i = 0; i < n; i++)
            room[i] = any(4) == 0 ? (char)any(256) : often[any(sizeof often - 1)];
        uint32_t got = rp_bits_fill(&bits, room, n);
        for (size_t i = 0; i <= n; i++) {
            const char *p = room + i;
            bool word = i < n && rp_is(*p, RP_C_WORD) && !rp_high_punct(p, room + n);
            assert_int_equal(rp_bits_at(bits.word, i), word);
            assert_int_equal(rp_bits_at(bits.digit, i), rp_is(*p, RP_C_DIGIT));
            seen |= *p == '?' ? RP_SEEN_QUERY : 0;
            seen |= *p == ':' ? RP_SEEN_COLON : 0;
            seen |= *p == ':' && rp_is(p[1], RP_C_DIGIT) ? RP_SEEN_PORT : 0;
            seen |= *p == ':' && p[1] == '/' && p[2] == '/' ? RP_SEEN_URL : 0;
        }
        assert_int_equal(got, seen);
    }
}

static void runs_cross_the_words_of_a_set(void **state)
{
    static struct rp_bits bits;
    static char room[700 + 2 * RP_LINE_PAD];
    (void)state;
    for (size_t n = 0; n <= 640; n += 31) {
        memset(room, 0, sizeof room);
        memset(room, '7', n);
        (void)rp_bits_fill(&bits, room, n);
        for (size_t i = 0; i <= n; i++)
            assert_int_equal(rp_bits_run(bits.digit, i), n - i);
        for (size_t i = 0; i < n; i++)
            assert_true(rp_bits_any(bits.digit, i, n - i));
        room[n] = 'x';
        (void)rp_bits_fill(&bits, room, n + 1);
        assert_false(rp_bits_any(bits.digit, n, 1));
        assert_int_equal(rp_bits_run(bits.word, 0), n + 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_met_before_changes_no_answer),
        cmocka_unit_test(bits_are_the_classes_of_bytes),
        cmocka_unit_test(runs_cross_the_words_of_a_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
