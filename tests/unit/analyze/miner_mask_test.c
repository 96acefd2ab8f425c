#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analyze/miner/internal.h"

#include <stdlib.h>

static struct rp_scan scan;

static const char *masked(const char *line, struct rp_buf *out)
{
    out->n = 0;
    rp_scan_line(&scan, rp_str_of(line));
    rp_stretch_write(&scan);
    for (size_t i = 0; i < scan.n; i++)
        rp_buf_add(out, scan.v[i].p, scan.v[i].n);
    rp_buf_c(out, '\0');
    return out->p;
}

/* By the specification, phase 1: one row or more for each mask of section 1, for what is inside of
 * identifiers (2), sizes (3), placed values (4) and the further masks (13). */
static const struct {
    const char *line, *form;
} cases[] = {
    /* What a status or a SQLSTATE says stays; exit codes and ports are values. */
    {"HTTP 503 from 10.1.2.3:80", "HTTP 503 from <*>:<*>"},
    {"upstream: http status: 429, later", "upstream: http status: 429, later"},
    {"got HTTP/1.1 502 Bad Gateway", "got HTTP/<*>.<*> 502 Bad Gateway"},
    {"\"GET /x HTTP/1.1\" 404 12", "\"GET <*> HTTP/<*>.<*>\" <*> <*>"},
    {"HTTP 8080 and HTTP 503.5", "HTTP <*> and HTTP <*>"},
    {"dup (SQLSTATE[23505]) or SQLSTATE 40P01", "dup (SQLSTATE[23505]) or SQLSTATE 40P01"},
    {"exit code 137, signal 9, status 503", "exit code <*>, signal <*>, status <*>"},
    {"see https://a.example.com/x/y?z=1, please", "see <*>, please"},
    {"git+ssh://host/repo.git failed", "<*> failed"},
    {"open C:\\temp\\x.txt now", "open <*> now"},
    {"share \\\\server\\data\\x gone", "share <*> gone"},
    {"id 0f4b2ec1-7f5a-4a3e-9c1d-0123456789ab done", "id <*> done"},
    {"from fe80:0:0:0:1:2:3:4 port", "from <*> port"},
    {"mac aa:bb:cc:dd:ee:0f up", "mac <*> up"},
    {"peer ::ffff:10.1.2.3 gone", "peer <*> gone"},
    {"at 10.1.2.3:80", "at <*>:<*>"},
    {"version 1.2.3.4.5 of", "version <*>.<*>.<*>.<*>.<*> of"},
    {"on Thu Jun 15 02:04:59 2006 it", "on <*> it"},
    {"on Nov 26, 2026 it", "on <*> it"},
    {"may 5 be", "may <*> be"},
    {"db1.example.com:5432 is", "<*>:<*> is"},
    {"db1.example.com is", "db1.example.com is"},
    {"GET /a/b?c=d HTTP/1.1", "GET <*> HTTP/<*>.<*>"},
    {"GET / 200", "GET <*> <*>"},
    {"read /var/log/x.log: gone", "read <*>: gone"},
    {"file=/etc ok", "file=<*> ok"},
    {"and/or this", "and/or this"},
    {"list *.log and */*", "list <*> and <*>"},
    {"at 0xDEADbeef it", "at <*> it"},
    {"took 15 of -3", "took <*> of <*>"},
    {"took 10ms, 2.5s, 3h", "took <*>ms, <*>s, <*>h"},
    {"took 1h2m3s and 12.5\xC2\xB5s", "took <*> and <*>"},
    {"at 30/s or 5/min", "at <*> or <*>"},
    {"stage 29.0 in", "stage <*> in"},
    {"x=622.0 y", "x=<*>.<*> y"},
    {"at 2026-11-26T10:00:00.123Z it", "at <*> it"},
    {"at 2026-11-26T10:00:00+01:00 it", "at <*> it"},
    {"[::1]:80 and [fe80::1]:443", "<*>:<*> and <*>:<*>"},
    {"unix:/run/x.sock: gone", "<*>: gone"},
    {"blk_-1608999687919862906 of part-00012", "blk_<*> of part-<*>"},
    {"attempt_0001_m_0003_2 ok", "attempt_<*> ok"},
    {"eth0 IPv6 Type2", "eth0 IPv6 Type2"},
    {"commit 4f2a9b1c and deadbeef", "commit <*> and deadbeef"},
    {"token a1b2c3d4e5 of", "token <*> of"},
    {"size 1.2 KB of 3 MiB, 5 ms", "size <*> of <*>, <*> ms"},
    {"2 B: two", "<*> B: two"},
    {"module=a.b/c ok", "module=<*> ok"},
    {"error=java.io.IOException ok", "error=java.io.IOException ok"},
    {"session of user alice from x", "session of user <*> from x"},
    {"the user is gone", "the user is gone"},
    {"Api::V1::Users#show", "Api::V1::Users#show"},
    {"a  b\tc", "a  b\tc"},
    {"  trimmed  ", "trimmed"},
    {"\xE2\x80\x9Cquoted\xE2\x80\x9D caf\xC3\xA9s", "\xE2\x80\x9Cquoted\xE2\x80\x9D caf\xC3\xA9s"},
    {"", ""},
};

static void each_mask_takes_what_the_specification_says(void **state)
{
    struct rp_buf out = {0};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(masked(cases[i].line, &out), cases[i].form);
    rp_buf_free(&out);
}

static void a_long_line_ends_in_one_wildcard(void **state)
{
    (void)state;
    size_t n = 100 << 20;
    char *text = malloc(n);
    assert_non_null(text);
    for (size_t i = 0; i < n; i++)
        text[i] = i % 8 == 7 ? ' ' : 'x';
    rp_scan_line(&scan, (struct rp_str){text, n});
    rp_stretch_write(&scan);
    free(text);
    assert_true(scan.n <= RP_TOKENS_MAX);
    assert_int_equal(scan.v[scan.n - 1].kind, RP_K_WILD);
}

static void any_bytes_are_scanned_to_their_end(void **state)
{
    char bytes[512];
    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 7 % 256);
    rp_scan_line(&scan, (struct rp_str){bytes, sizeof bytes});
    rp_stretch_write(&scan);
    assert_true(scan.n > 0);
    uint64_t h = rp_scan_hash(&scan);
    bytes[300] = 'q';
    rp_scan_line(&scan, (struct rp_str){bytes, sizeof bytes});
    rp_stretch_write(&scan);
    assert_true(h != rp_scan_hash(&scan));
}

static void every_listed_word_is_found(void **state)
{
    static const struct {
        const char *word;
        uint32_t class;
    } words[] = {{"a", RP_W_STOP},
                 {"yes", RP_W_BOOL},
                 {"N/A", RP_W_NULL},
                 {"Started", 0},
                 {"start", RP_W_STATE},
                 {"from", RP_W_PREP},
                 {"HOSTNAME", RP_W_SLOT},
                 {"queue", RP_W_NOUN},
                 {"unable", RP_W_FAIL},
                 {"warning", RP_W_SEVERITY},
                 {"reason", RP_W_CAUSE},
                 {"ms", RP_W_UNIT},
                 {"zebra", 0}};
    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        uint32_t got = rp_words_classes(rp_str_of(words[i].word));
        assert_int_equal(got & words[i].class, words[i].class);
        if (words[i].class == 0)
            assert_int_equal(got, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_mask_takes_what_the_specification_says),
        cmocka_unit_test(a_long_line_ends_in_one_wildcard),
        cmocka_unit_test(any_bytes_are_scanned_to_their_end),
        cmocka_unit_test(every_listed_word_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
