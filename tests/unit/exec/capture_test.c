#include "world.h"

static void feed(struct rp_capture *c, int stream, const char *text)
{
    rp_capture_add(c, stream, text, strlen(text));
}

static void assert_output(const struct rp_capture *c, int stream, const char *expected)
{
    struct rp_exec_result r = {0};
    rp_capture_copy(c, &r.output);
    assert_text(&r, stream, expected);
    rp_output_free(&r.output);
}

static void head_and_tail_are_kept_and_the_middle_is_counted(void **state)
{
    (void)state;
    struct rp_capture c;
    rp_capture_init(&c, 4, (struct rp_strs){0});
    feed(&c, 1, "abc");
    feed(&c, 1, "defgh");
    feed(&c, 1, "ij");
    assert_int_equal(c.dropped, 2);
    assert_int_equal(c.total[1], 10);
    assert_output(&c, 1, "abcd\n[... 2 bytes of output were not kept ...]\nghij");
    rp_capture_free(&c);
}

static void a_stream_that_lost_nothing_shows_no_gap(void **state)
{
    (void)state;
    struct rp_capture c;
    rp_capture_init(&c, 4, (struct rp_strs){0});
    feed(&c, 2, "E\n");
    feed(&c, 1, "0123456789");
    assert_output(&c, 2, "E\n");
    assert_output(&c, 1, "01\n[... 4 bytes of output were not kept ...]\n6789");
    rp_capture_free(&c);
}

static void keeping_nothing_still_counts(void **state)
{
    (void)state;
    struct rp_capture c;
    rp_capture_init(&c, 0, (struct rp_strs){0});
    feed(&c, 1, "abc");
    feed(&c, 2, "d");
    assert_int_equal(c.total[0], 4);
    assert_int_equal(c.dropped, 4);
    rp_capture_free(&c);
}

/* The model: all bytes with their stream, from which head and tail are cut by hand. */
static void any_sequence_of_chunks_gives_the_first_and_last_bytes_with_their_offsets(void **state)
{
    (void)state;
    enum { KEEP = 3000, ALL = 40000 };
    static char bytes[ALL], streams[ALL];
    unsigned seed = 7;
    for (int round = 0; round < 300; round++) {
        struct rp_capture c;
        struct rp_output o;
        size_t n = 0;
        rp_capture_init(&c, KEEP, (struct rp_strs){0});
        for (int chunk = 0; chunk < 60; chunk++) {
            size_t len = (size_t)rand_r(&seed) % (chunk % 9 == 0 ? 6000 : 200);
            int stream = 1 + rand_r(&seed) % 2;
            if (n + len > ALL)
                break;
            for (size_t i = n; i < n + len; i++)
                bytes[i] = (char)rand_r(&seed), streams[i] = (char)stream;
            rp_capture_add(&c, stream, bytes + n, len);
            n += len;
        }
        rp_capture_copy(&c, &o);
        size_t kept[2] = {0};
        for (int part = 0; part < 2; part++) {
            struct rp_str rest = rp_buf_view(part == 0 ? &o.head : &o.tail);
            struct rp_frame f;
            uint64_t at = part == 0 ? 0 : n - c.tail.data;
            while (rp_frame_next(&rest, &f)) {
                assert_int_equal(f.offset, at);
                assert_memory_equal(f.bytes.p, bytes + at, f.bytes.n);
                for (size_t i = 0; i < f.bytes.n; i++)
                    assert_int_equal(streams[at + i], f.stream);
                at += f.bytes.n;
                kept[part] += f.bytes.n;
            }
            assert_int_equal(rest.n, 0);
        }
        assert_int_equal(o.total[0], n);
        assert_int_equal(o.dropped, n - kept[0] - kept[1]);
        assert_int_equal(kept[0], n < KEEP ? n : KEEP);
        assert_int_equal(kept[1], n < KEEP ? 0 : n < 2 * KEEP ? n - KEEP : KEEP);
        rp_output_free(&o);
        rp_capture_free(&c);
    }
}

static void G18_streams_that_alternate_byte_by_byte_stay_in_bounds(void **state)
{
    (void)state;
    enum { KEEP = 64 << 10 };
    struct rp_capture c;
    struct rp_output o;
    rp_capture_init(&c, KEEP, (struct rp_strs){0});
    for (int i = 0; i < 500000; i++)
        rp_capture_add(&c, 1 + i % 2, "x", 1);
    assert_true(c.head.buf.cap + c.tail.buf.cap < 4 * KEEP);
    rp_capture_copy(&c, &o);
    assert_true(o.head.n + o.tail.n < 2 * KEEP + KEEP / 2);
    assert_int_equal(o.total[0], 500000);
    rp_output_free(&o);
    rp_capture_free(&c);
}

static void U21_a_text_is_found_over_any_chunk_border_and_in_the_dropped_part(void **state)
{
    (void)state;
    static const char text[] = "----needle--";
    for (size_t size = 1; size <= sizeof text; size++) {
        struct rp_capture c;
        rp_capture_init(&c, 1, STRS(RP_STR("needle"), RP_STR("needles"), RP_STR("e"), RP_STR("")));
        for (size_t i = 0; i < sizeof text - 1; i += size) {
            size_t left = sizeof text - 1 - i;
            rp_capture_add(&c, 2, text + i, left < size ? left : size);
            rp_capture_add(&c, 1, "other", 5);
        }
        assert_int_equal(c.watch.hits, 1 | 4 | 8);
        rp_capture_free(&c);
    }
}

static void a_text_split_between_the_streams_is_not_found(void **state)
{
    (void)state;
    struct rp_capture c;
    rp_capture_init(&c, 100, STRS(RP_STR("needle")));
    feed(&c, 1, "nee");
    feed(&c, 2, "dle");
    assert_int_equal(c.watch.hits, 0);
    rp_capture_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(head_and_tail_are_kept_and_the_middle_is_counted),
        cmocka_unit_test(a_stream_that_lost_nothing_shows_no_gap),
        cmocka_unit_test(keeping_nothing_still_counts),
        cmocka_unit_test(any_sequence_of_chunks_gives_the_first_and_last_bytes_with_their_offsets),
        cmocka_unit_test(G18_streams_that_alternate_byte_by_byte_stay_in_bounds),
        cmocka_unit_test(U21_a_text_is_found_over_any_chunk_border_and_in_the_dropped_part),
        cmocka_unit_test(a_text_split_between_the_streams_is_not_found),
    };
    return cmocka_run_group_tests_name("capture", tests, NULL, NULL);
}
