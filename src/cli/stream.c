/* Files of any size in pieces, unpacked where they are packed, with progress on a terminal. */
#include "cli/import.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

enum {
    IN_BYTES = 1 << 16,
    OUT_BYTES = 1 << 17,
    LOOK_ON_BYTES = 1 << 20,
    DRAW_EVERY_US = 100000,
    MEGABYTE = 1000000,
};

struct stream {
    struct cli *cli;
    const char *path;
    stream_take *take;
    void *ctx;
    int fd;
    int64_t size, done; /* bytes as they lie in the file; size 0: not known */
    struct bar bar;
    int64_t began_us, drawn_us;
    char in[IN_BYTES], out[OUT_BYTES];
    size_t n; /* bytes in `in` */
    /* Of packed files: */
    bool damaged;
    bool refused;  /* by take, which says why in `refusal` */
    size_t passed; /* bytes unpacked since then */
    struct rp_err refusal;
};

/* How far, and how fast; as a bar where the size is known. */
static void progress(struct stream *s)
{
    int64_t now = rp_mono(&rp_clock_system), took = now - s->began_us;
    if (!s->bar.live || s->done < INT64_C(2) * MEGABYTE ||
        (s->n > 0 && now - s->drawn_us < DRAW_EVERY_US))
        return;
    struct rp_arena kept = scratch_begin(s->cli);
    s->drawn_us = now;
    const char *rate = show_bytes(s->cli, took > 0 ? s->done * RP_US_S / took : 0);
    if (s->size > 0)
        bar_draw(&s->bar, s->done / MEGABYTE, s->size / MEGABYTE,
                 show_fmt(s->cli, "MB read, %s/s", rate));
    else
        bar_say(&s->bar, show_fmt(s->cli, "%s read, %s/s", show_bytes(s->cli, s->done), rate));
    scratch_end(s->cli, kept);
}

/* The next bytes into `in`; n is 0 at the end. */
static bool refill(struct stream *s, struct rp_err *err)
{
    ssize_t n;
    do
        n = read(s->fd, s->in, IN_BYTES);
    while (n < 0 && errno == EINTR);
    s->n = n > 0 ? (size_t)n : 0;
    s->done += n;
    progress(s);
    return n >= 0 || rp_fail(err, RP_E_IO, "cannot read %s: %s", s->path, strerror(errno));
}

static bool damaged(struct stream *s, const char *kind, const char *what, struct rp_err *err)
{
    s->damaged = true;
    (void)rp_fail(err, RP_E_IO, "%s cannot be unpacked as %s: %s", s->path, kind, what);
    return rp_hint(err, "copy it anew; what came before the damage was read");
}

/* Damage often unpacks to nonsense before it shows: what take refuses is looked past for a while.
 * False when that is enough. */
static bool emit(struct stream *s, size_t n)
{
    if (s->refused)
        s->passed += n;
    else
        s->refused = n > 0 && !s->take(s->ctx, (struct rp_str){s->out, n}, &s->refusal);
    return s->passed < LOOK_ON_BYTES;
}

static bool read_plain(struct stream *s, struct rp_err *err)
{
    while (s->n > 0)
        if (!s->take(s->ctx, (struct rp_str){s->in, s->n}, err) || !refill(s, err))
            return false;
    return true;
}

/* One piece of output; *ended at the end of a member. */
static bool inflate_some(struct stream *s, z_stream *z, bool *ended, struct rp_err *err)
{
    z->next_out = (unsigned char *)s->out;
    z->avail_out = OUT_BYTES;
    int code = inflate(z, Z_NO_FLUSH);
    if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
        return damaged(s, "gzip", z->msg != NULL ? z->msg : "its data is wrong", err);
    *ended = code == Z_STREAM_END;
    if (*ended)
        (void)inflateReset(z); /* members may follow each other */
    return emit(s, OUT_BYTES - z->avail_out);
}

static bool read_gzip(struct stream *s, struct rp_err *err)
{
    enum { GZIP_ONLY = 16 + MAX_WBITS };
    z_stream z = {0};
    bool ended = false, ok = true;
    if (inflateInit2(&z, GZIP_ONLY) != Z_OK)
        return rp_fail(err, RP_E_INTERNAL, "zlib cannot be set up");
    while (ok && s->n > 0) {
        z.next_in = (unsigned char *)s->in;
        z.avail_in = (unsigned)s->n;
        do
            ok = inflate_some(s, &z, &ended, err);
        while (ok && (z.avail_in > 0 || (z.avail_out == 0 && !ended)));
        ok = ok && refill(s, err);
    }
    (void)inflateEnd(&z);
    return ok && (ended || damaged(s, "gzip", "its end is missing", err));
}

static bool read_zstd(struct stream *s, struct rp_err *err)
{
    ZSTD_DStream *z = ZSTD_createDStream();
    size_t left = 1;
    bool ok = z != NULL || rp_fail(err, RP_E_INTERNAL, "zstd cannot be set up");
    while (ok && s->n > 0) {
        ZSTD_inBuffer in = {s->in, s->n, 0};
        ZSTD_outBuffer out = {s->out, OUT_BYTES, 0};
        do {
            out.pos = 0;
            left = ZSTD_decompressStream(z, &out, &in);
            ok = !ZSTD_isError(left) ? emit(s, out.pos)
                                     : damaged(s, "zstd", ZSTD_getErrorName(left), err);
        } while (ok && (in.pos < in.size || (left > 0 && out.pos == OUT_BYTES)));
        ok = ok && refill(s, err);
    }
    (void)ZSTD_freeDStream(z);
    return ok && (left == 0 || damaged(s, "zstd", "its end is missing", err));
}

static const struct {
    struct rp_str magic;
    bool (*read)(struct stream *s, struct rp_err *err);
} kinds[] = {
    {{"\x1f\x8b", 2}, read_gzip},
    {{"\x28\xb5\x2f\xfd", 4}, read_zstd},
};

static bool read_packed(struct stream *s, bool (*read)(struct stream *, struct rp_err *),
                        struct rp_err *err)
{
    bool ok = read(s, err);
    if (!s->refused || s->damaged)
        return ok;
    *err = s->refusal;
    return false;
}

static bool read_all(struct stream *s, struct rp_err *err)
{
    if (!refill(s, err))
        return false;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (s->n >= kinds[i].magic.n && memcmp(s->in, kinds[i].magic.p, kinds[i].magic.n) == 0)
            return read_packed(s, kinds[i].read, err);
    return read_plain(s, err);
}

const char *input_name(const char *path)
{
    return strcmp(path, "-") == 0 ? "standard input" : path;
}

bool stream_file(struct cli *cli, const char *path, stream_take *take, void *ctx,
                 struct rp_err *err)
{
    bool input = strcmp(path, "-") == 0;
    struct stream *s = rp_xcalloc(1, sizeof *s);
    struct stat st;
    *s = (struct stream){.cli = cli,
                         .path = input_name(path),
                         .take = take,
                         .ctx = ctx,
                         .began_us = rp_mono(&rp_clock_system)};
    s->fd = input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    bool ok = s->fd >= 0 || rp_fail(err, RP_E_IO, "cannot read %s: %s", path, strerror(errno));
    if (ok && fstat(s->fd, &st) == 0 && S_ISREG(st.st_mode))
        s->size = st.st_size;
    bar_begin(&s->bar, cli);
    ok = ok && read_all(s, err);
    bar_end(&s->bar);
    if (s->fd >= 0 && !input)
        (void)close(s->fd);
    free(s);
    return ok;
}
