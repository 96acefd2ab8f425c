#include "exec/internal.h"

/* Frames cost 13 bytes each. A program that alternates between its streams byte by byte must not
 * make the kept output 13 times as large: so many bytes a frame on average, or the older ones go.
 */
enum { MEAN_FRAME = 64, FEW_FRAMES = 16 };

static size_t min(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* ---- frames ---- */

static char *frame_at(struct rp_frames *f, size_t at)
{
    return f->buf.p + at;
}

static size_t frame_len(struct rp_frames *f, size_t at)
{
    return (size_t)rp_get_le(frame_at(f, at) + 9, 4);
}

static bool extends_last(struct rp_frames *f, int stream)
{
    return f->count > 0 && *frame_at(f, f->last) == stream;
}

/* The front that was dropped is given back when it is as large as what lives: each byte is moved
 * about once. */
static void frames_compact(struct rp_frames *f)
{
    size_t live = f->buf.n - f->at;
    if (f->at == 0 || f->at < live)
        return;
    memmove(f->buf.p, f->buf.p + f->at, live);
    f->last -= min(f->last, f->at);
    f->buf.n = live;
    f->at = 0;
}

static void frames_push(struct rp_frames *f, int stream, uint64_t offset, const char *p, size_t n)
{
    frames_compact(f);
    if (extends_last(f, stream)) {
        rp_put_le(frame_at(f, f->last) + 9, frame_len(f, f->last) + n, 4);
    } else {
        char header[RP_FRAME_HEADER] = {(char)stream};
        rp_put_le(header + 1, offset, 8);
        rp_put_le(header + 9, n, 4);
        f->last = f->buf.n;
        f->count++;
        rp_buf_add(&f->buf, header, sizeof header);
    }
    rp_buf_add(&f->buf, p, n);
    f->data += n;
}

static void drop_first(struct rp_frames *f)
{
    size_t len = frame_len(f, f->at);
    f->at += RP_FRAME_HEADER + len;
    f->data -= len;
    f->count--;
}

/* The header moves up over the dropped bytes. */
static void trim_first(struct rp_frames *f, size_t n)
{
    char *header = frame_at(f, f->at);
    rp_put_le(header + 1, rp_get_le(header + 1, 8) + n, 8);
    rp_put_le(header + 9, rp_get_le(header + 9, 4) - n, 4);
    memmove(header + n, header, RP_FRAME_HEADER);
    if (f->last == f->at)
        f->last += n;
    f->at += n;
    f->data -= n;
}

static void frames_drop(struct rp_frames *f, size_t n)
{
    while (n > 0) {
        size_t len = frame_len(f, f->at);
        if (n < len) {
            trim_first(f, n);
            return;
        }
        drop_first(f);
        n -= len;
    }
}

static void frames_copy(const struct rp_frames *f, struct rp_buf *out)
{
    if (f->count > 0)
        rp_buf_add(out, f->buf.p + f->at, f->buf.n - f->at);
}

/* ---- texts to look for ---- */

static void watch_init(struct rp_watch *w, struct rp_strs texts)
{
    w->texts = texts;
    if (w->texts.n > RP_WATCH_MAX)
        w->texts.n = RP_WATCH_MAX;
    for (size_t i = 0; i < w->texts.n; i++) {
        if (texts.v[i].n > w->longest)
            w->longest = texts.v[i].n;
        if (texts.v[i].n == 0)
            w->hits |= UINT64_C(1) << i;
    }
}

static void look(struct rp_watch *w, struct rp_str in)
{
    for (size_t i = 0; i < w->texts.n; i++)
        if ((w->hits & (UINT64_C(1) << i)) == 0 && rp_str_find(in, w->texts.v[i]) != SIZE_MAX)
            w->hits |= UINT64_C(1) << i;
}

/* Leaves the last `keep` bytes of the buffer. */
static void keep_end(struct rp_buf *b, size_t keep)
{
    if (b->n <= keep)
        return;
    memmove(b->p, b->p + b->n - keep, keep);
    b->n = keep;
}

static void watch_add(struct rp_watch *w, int stream, struct rp_str chunk)
{
    if (w->texts.n == 0)
        return;
    struct rp_buf *carry = &w->carry[stream];
    size_t overlap = w->longest > 0 ? w->longest - 1 : 0;
    look(w, chunk);
    if (chunk.n >= overlap) {
        rp_buf_add(carry, chunk.p, overlap);
        look(w, rp_buf_view(carry));
        carry->n = 0;
        rp_buf_add(carry, chunk.p + chunk.n - overlap, overlap);
    } else {
        rp_buf_str(carry, chunk);
        look(w, rp_buf_view(carry));
        keep_end(carry, overlap);
    }
}

/* ---- capture ---- */

void rp_capture_init(struct rp_capture *c, int64_t keep_bytes, struct rp_strs watch)
{
    *c = (struct rp_capture){0};
    if (keep_bytes > 0)
        c->keep = min((size_t)keep_bytes, RP_KEEP_MAX_BYTES);
    c->max_frames = c->keep / MEAN_FRAME + FEW_FRAMES;
    watch_init(&c->watch, watch);
}

/* Returns how many of the bytes the head took. Once it has refused one, it takes no more: it has no
 * gaps. */
static size_t head_add(struct rp_capture *c, int stream, uint64_t offset, const char *p, size_t n)
{
    if (c->head_full || (c->head.count == c->max_frames && !extends_last(&c->head, stream)))
        n = 0;
    n = min(n, c->keep - c->head.data);
    if (n > 0)
        frames_push(&c->head, stream, offset, p, n);
    return n;
}

static void tail_add(struct rp_capture *c, int stream, uint64_t offset, const char *p, size_t n)
{
    size_t skip = n - min(n, c->keep);
    n -= skip;
    size_t before = c->tail.data;
    if (before + n > c->keep)
        frames_drop(&c->tail, before + n - c->keep);
    while (c->tail.count == c->max_frames && !extends_last(&c->tail, stream))
        drop_first(&c->tail);
    c->dropped += skip + (before - c->tail.data);
    if (n > 0)
        frames_push(&c->tail, stream, offset + skip, p + skip, n);
}

void rp_capture_add(struct rp_capture *c, int stream, const char *p, size_t n)
{
    uint64_t offset = c->total[0];
    watch_add(&c->watch, stream, (struct rp_str){p, n});
    c->total[0] += n;
    c->total[stream] += n;
    size_t took = head_add(c, stream, offset, p, n);
    if (took == n)
        return;
    c->head_full = true;
    tail_add(c, stream, offset + took, p + took, n - took);
}

void rp_capture_copy(const struct rp_capture *c, struct rp_output *out)
{
    *out = (struct rp_output){.dropped = c->dropped};
    memcpy(out->total, c->total, sizeof out->total);
    frames_copy(&c->head, &out->head);
    frames_copy(&c->tail, &out->tail);
}

void rp_capture_free(struct rp_capture *c)
{
    rp_buf_free(&c->head.buf);
    rp_buf_free(&c->tail.buf);
    for (int stream = 1; stream <= 2; stream++)
        rp_buf_free(&c->watch.carry[stream]);
}
