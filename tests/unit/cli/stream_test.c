/* Files read as they are: plain, gzip, zstd, in members, cut off, damaged. */
#include "cli/import.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <cmocka.h>

enum { TEXT = 700000 }; /* several pieces of in- and output */

static char text[TEXT];
static char path[] = "/tmp/reprise-stream-XXXXXX";
static struct cli cli = {.quiet = true};

static int set_up(void **state)
{
    (void)state;
    srand48(7);
    for (size_t i = 0; i < TEXT; i++) /* packs to about a half */
        text[i] = (char)('a' + (lrand48() & 15));
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int tear_down(void **state)
{
    (void)state;
    return unlink(path);
}

static void file_of(const void *p, size_t n)
{
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_int_equal(fwrite(p, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static bool collect(void *ctx, struct rp_str bytes, struct rp_err *err)
{
    (void)err;
    rp_buf_str(ctx, bytes);
    return true;
}

static bool refuse(void *ctx, struct rp_str bytes, struct rp_err *err)
{
    (void)ctx;
    (void)bytes;
    return rp_fail(err, RP_E_BAD_FIELD, "no more");
}

static void assert_reads(const char *want, size_t n)
{
    struct rp_buf got = {0};
    struct rp_err err = {.message = ""};
    if (!stream_file(&cli, path, collect, &got, &err))
        fail_msg("%s", err.message);
    assert_int_equal(got.n, n);
    if (n > 0)
        assert_memory_equal(got.p, want, n);
    rp_buf_free(&got);
}

static void assert_fails(enum rp_code code, const char *says)
{
    struct rp_buf got = {0};
    struct rp_err err;
    assert_false(stream_file(&cli, path, collect, &got, &err));
    assert_int_equal(err.code, code);
    assert_non_null(strstr(err.message, says));
    assert_non_null(strstr(err.message, path));
    rp_buf_free(&got);
}

static size_t gzip(const char *p, size_t n, unsigned char *out, size_t cap)
{
    z_stream z = {.next_in = (unsigned char *)(uintptr_t)p,
                  .avail_in = (unsigned)n,
                  .next_out = out,
                  .avail_out = (unsigned)cap};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    size_t size = z.total_out;
    (void)deflateEnd(&z);
    return size;
}

static size_t zstd(const char *p, size_t n, unsigned char *out, size_t cap)
{
    size_t size = ZSTD_compress(out, cap, p, n, 3);
    assert_false(ZSTD_isError(size));
    return size;
}

/* ---- tests ---- */

static void plain_files_are_read_as_they_are(void **state)
{
    (void)state;
    file_of(text, TEXT);
    assert_reads(text, TEXT);
    file_of("", 0);
    assert_reads("", 0);
    file_of("\x1f", 1); /* not yet gzip */
    assert_reads("\x1f", 1);
}

static void packed_files_are_unpacked_also_when_several_were_put_together(void **state)
{
    (void)state;
    size_t (*const packers[])(const char *, size_t, unsigned char *, size_t) = {gzip, zstd};
    unsigned char *out = rp_xmalloc(2 * TEXT);
    for (size_t i = 0; i < 2; i++) {
        for (size_t cut = 0; cut <= TEXT; cut += TEXT / 4 + 3) {
            size_t n = packers[i](text, cut, out, 2 * TEXT);
            n += packers[i](text + cut, TEXT - cut, out + n, 2 * TEXT - n);
            file_of(out, n);
            assert_reads(text, TEXT);
        }
        for (size_t n = 131072 - 1; n <= 131072 + 1; n++) { /* the size of a piece of output */
            file_of(out, packers[i](text, n, out, 2 * TEXT));
            assert_reads(text, n);
        }
    }
    free(out);
}

static void a_packed_file_that_was_cut_off_or_damaged_is_an_error_that_names_it(void **state)
{
    (void)state;
    unsigned char *out = rp_xmalloc(2 * TEXT);
    size_t n = gzip(text, TEXT, out, 2 * TEXT);
    file_of(out, n - 1);
    assert_fails(RP_E_IO, "its end is missing");
    out[n / 2] ^= 0x55;
    file_of(out, n);
    assert_fails(RP_E_IO, "gzip");
    n = zstd(text, TEXT, out, 2 * TEXT);
    file_of(out, n - 1);
    assert_fails(RP_E_IO, "its end is missing");
    out[6] ^= 0xff;
    file_of(out, n);
    assert_fails(RP_E_IO, "zstd");
    free(out);
}

static void reading_ends_when_the_taker_says_so(void **state)
{
    (void)state;
    struct rp_err err;
    file_of(text, TEXT);
    assert_false(stream_file(&cli, path, refuse, NULL, &err));
    assert_string_equal(err.message, "no more");
    assert_false(stream_file(&cli, "/nonexistent/x", refuse, NULL, &err));
    assert_int_equal(err.code, RP_E_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_files_are_read_as_they_are),
        cmocka_unit_test(packed_files_are_unpacked_also_when_several_were_put_together),
        cmocka_unit_test(a_packed_file_that_was_cut_off_or_damaged_is_an_error_that_names_it),
        cmocka_unit_test(reading_ends_when_the_taker_says_so),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
