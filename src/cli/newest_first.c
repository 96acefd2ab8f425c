#include "cli/newest_first.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { HEAD_BYTES = 65536, BLOCK_BYTES = 262144, ENTRY_MAX = 4 << 20 };

static bool keep(struct reversal *r, struct rp_str bytes, struct rp_err *err)
{
    return bytes.n == 0 || fwrite(bytes.p, 1, bytes.n, r->kept) == bytes.n ||
           rp_fail(err, RP_E_IO, "cannot keep the log in a temporary file: %s", strerror(errno));
}

static bool decide(struct reversal *r, struct rp_joblog *log, struct rp_err *err)
{
    struct rp_str head = rp_buf_view(&r->head);
    bool ok = true;
    r->decided = true;
    if (!rp_joblog_newest_first(head)) {
        rp_joblog_feed(log, head);
    } else {
        r->export = rp_str_starts(head, "__CURSOR=");
        r->kept = tmpfile();
        ok = r->kept != NULL
                 ? keep(r, head, err)
                 : rp_fail(err, RP_E_IO, "cannot make a temporary file: %s", strerror(errno));
    }
    rp_buf_free(&r->head);
    return ok;
}

bool reversal_take(struct reversal *r, struct rp_joblog *log, struct rp_str bytes,
                   struct rp_err *err)
{
    if (r->decided && r->kept == NULL) {
        rp_joblog_feed(log, bytes);
        return true;
    }
    if (r->decided)
        return keep(r, bytes, err);
    rp_buf_str(&r->head, bytes);
    return r->head.n < HEAD_BYTES || decide(r, log, err);
}

/* Does an entry begin with this line? What is indented, or closes a brace, goes on. */
static bool begins(const struct reversal *r, struct rp_str line)
{
    if (r->export)
        return rp_str_starts(line, "__CURSOR=");
    return line.n > 0 && strchr(" \t\r\n}", line.p[0]) == NULL;
}

static void feed(struct rp_joblog *log, struct rp_str entry)
{
    rp_joblog_feed(log, entry);
    if (entry.n > 0 && entry.p[entry.n - 1] != '\n')
        rp_joblog_feed(log, RP_STR("\n"));
}

/* Hands out the entries of `data` from the last one on; what stands before the first of them is
 * left: it begins further up, unless the data begins where the log does. */
static size_t feed_entries(const struct reversal *r, struct rp_joblog *log, struct rp_str data,
                           bool from_start)
{
    size_t end = data.n;
    for (size_t i = data.n; i > 0; i--) {
        bool line = i == 1 ? from_start : data.p[i - 2] == '\n';
        struct rp_str rest = {data.p + i - 1, end - (i - 1)};
        if (!line || !begins(r, rest))
            continue;
        feed(log, rest);
        end = i - 1;
    }
    if (from_start || end > ENTRY_MAX) {
        feed(log, (struct rp_str){data.p, end});
        end = 0;
    }
    return end;
}

static bool read_at(const struct reversal *r, off_t at, char *to, size_t n, struct rp_err *err)
{
    return (fseeko(r->kept, at, SEEK_SET) == 0 && fread(to, 1, n, r->kept) == n) ||
           rp_fail(err, RP_E_IO, "cannot read the temporary file: %s", strerror(errno));
}

bool reversal_end(struct reversal *r, struct rp_joblog *log, struct rp_err *err)
{
    if (!r->decided && !decide(r, log, err))
        return false;
    if (r->kept == NULL)
        return true;
    struct rp_buf data = {0};
    char *block = rp_xmalloc(BLOCK_BYTES);
    off_t at = fseeko(r->kept, 0, SEEK_END) == 0 ? ftello(r->kept) : -1;
    bool ok =
        at >= 0 || rp_fail(err, RP_E_IO, "cannot read the temporary file: %s", strerror(errno));
    while (ok && at > 0) {
        size_t n = at < BLOCK_BYTES ? (size_t)at : BLOCK_BYTES;
        at -= (off_t)n;
        ok = read_at(r, at, block, n, err);
        struct rp_buf both = {0};
        rp_buf_add(&both, block, n);
        rp_buf_str(&both, rp_buf_view(&data));
        rp_buf_free(&data);
        data = both;
        if (ok)
            data.n = feed_entries(r, log, rp_buf_view(&data), at == 0);
    }
    free(block);
    rp_buf_free(&data);
    return ok;
}

void reversal_free(struct reversal *r)
{
    rp_buf_free(&r->head);
    if (r->kept != NULL)
        (void)fclose(r->kept);
}
