/* Files that must be text: looked at before they are taken for what they are not. */
#include "cli/import.h"

enum { BYTES_LEAST = 256 }; /* of fewer the share says nothing */

struct text {
    const char *path;
    stream_take *take;
    void *ctx;
    bool looked;
};

static bool is_utf16(struct rp_str s)
{
    return rp_str_starts(s, "\xff\xfe") || rp_str_starts(s, "\xfe\xff");
}

/* More than one byte of a hundred is NUL, or of twenty a control character that no text has: a few
 * of these are in many logs. */
static bool is_binary(struct rp_str s)
{
    size_t nuls = 0, controls = 0;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        nuls += c == 0;
        controls += c < ' ' && strchr("\t\n\r\f\033", c) == NULL;
    }
    return s.n >= BYTES_LEAST && (nuls * 100 > s.n || controls * 20 > s.n);
}

static bool look(const struct text *t, struct rp_str *bytes, struct rp_err *err)
{
    if (is_utf16(*bytes)) {
        (void)rp_fail(err, RP_E_BAD_FIELD, "%s is UTF-16, which is not read", t->path);
        return rp_hint(err, "convert it: iconv -f UTF-16 -t UTF-8 F | reprise … -");
    }
    if (is_binary(*bytes)) {
        (void)rp_fail(err, RP_E_BAD_FIELD, "%s is a binary file, not text", t->path);
        return rp_hint(err, "text is read, also packed by gzip or zstd");
    }
    if (rp_str_starts(*bytes, "\xef\xbb\xbf"))
        *bytes = (struct rp_str){bytes->p + 3, bytes->n - 3};
    return true;
}

static bool take_text(void *ctx, struct rp_str bytes, struct rp_err *err)
{
    struct text *t = ctx;
    if (!t->looked && !look(t, &bytes, err))
        return false;
    t->looked = true;
    return t->take(t->ctx, bytes, err);
}

bool stream_text(struct cli *cli, const char *path, stream_take *take, void *ctx,
                 struct rp_err *err)
{
    struct text t = {.path = input_name(path), .take = take, .ctx = ctx};
    return stream_file(cli, path, take_text, &t, err);
}
