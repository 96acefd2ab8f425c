/* Foreign text on a terminal (S15), times as users write them, answers of a daemon: whatever comes,
 * no control character leaves, cut texts keep their width, and a time that is read is one. */
#include "cli/internal.h"

#include <locale.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_safe(const char *text, bool lines)
{
    struct rp_str s = rp_str_of(text);
    if (!rp_utf8_valid(s))
        abort();
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i], next = i + 1 < s.n ? (unsigned char)s.p[i + 1] : 0;
        bool control = c < 0x20 || c == 0x7f || (c == 0xc2 && next < 0xa0 && next >= 0x80);
        if (control && !(lines && (c == '\n' || c == '\t')))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool begun;
    if (!begun)
        begun = setlocale(LC_CTYPE, "C.UTF-8") != NULL;
    if (size > 1 << 16)
        return 0;
    struct cli cli = {.width = 80, .now_us = INT64_C(1795485600000000)};
    struct rp_str text = {(const char *)data, size};
    struct rp_err err;
    int64_t us, from, to;
    check_safe(show_text(&cli, text), false);
    check_safe(show_lines(&cli, text), true);
    if (text_width(show_cut(&cli, text, 20)) > 20)
        abort();
    if (time_given(&cli, text, &us, &err)) {
        char again[RP_TIME_LEN];
        if (us > 0 && us < INT64_C(4102444800000000) &&
            !rp_time_parse(rp_str_of(rp_time_format(us, again)), &us))
            abort();
    }
    if (size < 64)
        (void)day_given(&cli, text, RP_STR("Europe/Berlin"), &from, &to, &err);
    check_safe(doc_show(&cli, text, "a.b"), false);
    (void)doc_i64(text, "a", 0);
    struct items i;
    for (items_open(&i, text, "a"); items_member(&i);)
        (void)items_str(&cli, &i);
    items_close(&i);
    rp_arena_free(&cli.arena);
    return 0;
}
