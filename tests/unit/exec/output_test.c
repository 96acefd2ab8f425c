#include "world.h"

#include <zstd.h>

static void sample(struct rp_output *o)
{
    struct rp_capture c;
    rp_capture_init(&c, 10, (struct rp_strs){0});
    rp_capture_add(&c, 1, "hello\n", 6);
    rp_capture_add(&c, 2, "\0\xff!", 3);
    rp_capture_add(&c, 1, "0123456789abcdefghij", 20);
    rp_capture_copy(&c, o);
    rp_capture_free(&c);
}

static void what_was_packed_is_unpacked_byte_for_byte(void **state)
{
    (void)state;
    struct rp_output o, back;
    struct rp_buf packed = {0};
    struct rp_err err = {0};
    sample(&o);
    assert_true(rp_output_pack(&o, &packed, &err));
    assert_true(rp_output_unpack(rp_buf_view(&packed), &back, &err));
    assert_true(rp_str_eq(rp_buf_view(&o.head), rp_buf_view(&back.head)));
    assert_true(rp_str_eq(rp_buf_view(&o.tail), rp_buf_view(&back.tail)));
    assert_memory_equal(o.total, back.total, sizeof o.total);
    assert_int_equal(o.dropped, back.dropped);
    rp_output_free(&o);
    rp_output_free(&back);
    rp_buf_free(&packed);
}

static void the_largest_output_that_can_be_kept_can_be_unpacked(void **state)
{
    (void)state;
    struct rp_capture c;
    struct rp_output o, back;
    struct rp_buf packed = {0};
    char chunk[64] = "noise";
    unsigned seed = 1;
    rp_capture_init(&c, INT64_MAX, (struct rp_strs){0});
    for (int i = 0; i < 3 * RP_KEEP_MAX_BYTES / 64; i++) {
        for (size_t b = 0; b < sizeof chunk; b++)
            chunk[b] = (char)rand_r(&seed);
        rp_capture_add(&c, 1 + i % 2, chunk, sizeof chunk);
    }
    rp_capture_copy(&c, &o);
    assert_true(rp_output_pack(&o, &packed, NULL));
    assert_true(rp_output_unpack(rp_buf_view(&packed), &back, NULL));
    rp_output_free(&o);
    rp_output_free(&back);
    rp_buf_free(&packed);
    rp_capture_free(&c);
}

static void a_cut_or_changed_block_is_refused_or_still_consistent(void **state)
{
    (void)state;
    struct rp_output o, back;
    struct rp_buf packed = {0};
    struct rp_err err = {0};
    sample(&o);
    assert_true(rp_output_pack(&o, &packed, NULL));
    for (size_t n = 0; n < packed.n; n++)
        assert_false(rp_output_unpack((struct rp_str){packed.p, n}, &back, &err));
    for (size_t bit = 0; bit < packed.n * 8; bit++) {
        packed.p[bit / 8] = (char)(packed.p[bit / 8] ^ (1 << (bit % 8)));
        if (rp_output_unpack(rp_buf_view(&packed), &back, &err)) {
            assert_int_equal(back.total[0], back.total[1] + back.total[2]);
            rp_output_free(&back);
        } else {
            assert_int_equal(err.code, RP_E_STORE_CORRUPT);
        }
        packed.p[bit / 8] = (char)(packed.p[bit / 8] ^ (1 << (bit % 8)));
    }
    rp_output_free(&o);
    rp_buf_free(&packed);
}

static void G18_a_bomb_is_refused_before_it_is_unpacked(void **state)
{
    (void)state;
    enum { N = 64 << 20 };
    char *zeros = calloc(1, N), *packed = malloc(ZSTD_compressBound(N));
    struct rp_output back;
    struct rp_err err = {0};
    size_t n = ZSTD_compress(packed, ZSTD_compressBound(N), zeros, N, 1);
    assert_false(rp_output_unpack((struct rp_str){packed, n}, &back, &err));
    assert_non_null(strstr(err.message, "out of bounds"));
    free(zeros);
    free(packed);
}

static void U24_signals_and_ends_have_words(void **state)
{
    (void)state;
    char expected[32];
    for (int sig = 1; sig < 32; sig++) {
        /* glibc's own table is the oracle; it knows SIGIO as POLL. */
        (void)snprintf(expected, sizeof expected, "SIG%s", sig == SIGIO ? "IO" : sigabbrev_np(sig));
        assert_string_equal(rp_signal_name(sig), expected);
    }
    assert_string_equal(rp_signal_name(65), "signal 65");
    assert_string_equal(rp_signal_name(0), "signal 0");
    for (int e = RP_END_ITSELF; e <= RP_END_NOT_STARTED; e++)
        assert_true(strlen(rp_ended_by_words((enum rp_ended_by)e)) > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_packed_is_unpacked_byte_for_byte),
        cmocka_unit_test(the_largest_output_that_can_be_kept_can_be_unpacked),
        cmocka_unit_test(a_cut_or_changed_block_is_refused_or_still_consistent),
        cmocka_unit_test(G18_a_bomb_is_refused_before_it_is_unpacked),
        cmocka_unit_test(U24_signals_and_ends_have_words),
    };
    return cmocka_run_group_tests_name("output", tests, NULL, NULL);
}
