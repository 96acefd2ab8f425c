/* RFC 4180, byte by byte. */
#include "analyze/csv.h"

#include "analyze/internal.h"

#include <stdlib.h>

enum state { FIELD_START, PLAIN, QUOTED, QUOTE_SEEN };
enum { DETECT_MAX = 65536 };

struct rp_csv {
    struct rp_csv_options o;
    struct rp_buf record; /* the fields' bytes, one after the other */
    size_t ends[RP_CSV_FIELDS_MAX];
    size_t n;
    enum state state;
    uint64_t line, record_line, quote_line;
    bool after_cr, detected, failed;
    struct rp_buf head; /* until the separator is known */
};

struct rp_csv *rp_csv_new(const struct rp_csv_options *o)
{
    struct rp_csv *c = rp_xcalloc(1, sizeof *c);
    c->o = *o;
    c->line = c->record_line = 1;
    return c;
}

void rp_csv_free(struct rp_csv *c)
{
    if (c == NULL)
        return;
    rp_buf_free(&c->record);
    rp_buf_free(&c->head);
    free(c);
}

static bool end_field(struct rp_csv *c, struct rp_err *err)
{
    if (c->n == RP_CSV_FIELDS_MAX) {
        c->failed = true;
        (void)rp_fail(err, RP_E_TOO_LARGE, "line %llu has more than %d columns",
                      (unsigned long long)c->record_line, RP_CSV_FIELDS_MAX);
        return rp_hint(err, "check the separator, or leave columns out");
    }
    c->ends[c->n++] = c->record.n;
    c->state = FIELD_START;
    return true;
}

static bool end_record(struct rp_csv *c, struct rp_err *err)
{
    bool empty = c->n == 0 && c->record.n == 0 && c->state == FIELD_START;
    bool ok = empty || end_field(c, err);
    if (ok && !empty) {
        struct rp_str fields[RP_CSV_FIELDS_MAX], all = rp_buf_view(&c->record);
        for (size_t i = 0, from = 0; i < c->n; from = c->ends[i++])
            fields[i] = (struct rp_str){all.p + from, c->ends[i] - from};
        ok = c->o.record(c->o.ctx, &(struct rp_strs){fields, c->n}, c->record_line, err);
    }
    c->n = c->record.n = 0;
    c->state = FIELD_START;
    c->record_line = c->line;
    c->failed = c->failed || !ok;
    return ok;
}

static bool add(struct rp_csv *c, char byte, struct rp_err *err)
{
    if (c->record.n >= RP_CSV_RECORD_MAX) {
        c->failed = true;
        (void)rp_fail(err, RP_E_TOO_LARGE, "the record of line %llu is longer than %d bytes",
                      (unsigned long long)c->record_line, RP_CSV_RECORD_MAX);
        return rp_hint(err, "look for a quote that is never closed");
    }
    rp_buf_c(&c->record, byte);
    return true;
}

static bool unquoted(struct rp_csv *c, char byte, struct rp_err *err)
{
    if (byte == c->o.separator)
        return end_field(c, err);
    if (byte == '\n' || byte == '\r')
        return end_record(c, err);
    if (byte == '"' && c->state == FIELD_START) {
        c->state = QUOTED;
        c->quote_line = c->line;
        return true;
    }
    if (byte == '"' && c->state == QUOTE_SEEN) { /* doubled */
        c->state = QUOTED;
        return add(c, byte, err);
    }
    c->state = PLAIN;
    return add(c, byte, err);
}

static bool take_byte(struct rp_csv *c, char byte, struct rp_err *err)
{
    bool lf_of_crlf = byte == '\n' && c->after_cr;
    c->after_cr = byte == '\r';
    if (!lf_of_crlf)
        c->line += byte == '\n' || byte == '\r';
    if (c->state == QUOTED) {
        if (byte != '"')
            return add(c, byte, err);
        c->state = QUOTE_SEEN;
        return true;
    }
    return lf_of_crlf || unquoted(c, byte, err);
}

/* Counts over the first record, outside quotes. */
static void detect(struct rp_csv *c)
{
    static const char seps[] = ",;\t";
    size_t counts[3] = {0}, best = 0;
    bool inside = false;
    for (size_t i = 0; i < c->head.n; i++) {
        char byte = c->head.p[i];
        inside = byte == '"' ? !inside : inside;
        if (!inside && i > 0 && byte == '\n')
            break;
        for (size_t k = 0; k < 3; k++)
            counts[k] += !inside && byte == seps[k];
    }
    for (size_t k = 1; k < 3; k++)
        best = counts[k] > counts[best] ? k : best;
    if (c->o.separator == 0)
        c->o.separator = seps[best];
}

static bool take(struct rp_csv *c, struct rp_str bytes, struct rp_err *err)
{
    for (size_t i = 0; i < bytes.n; i++)
        if (!take_byte(c, bytes.p[i], err))
            return false;
    return true;
}

static bool take_head(struct rp_csv *c, struct rp_err *err)
{
    struct rp_str head = rp_buf_view(&c->head);
    detect(c);
    c->detected = true;
    if (rp_str_starts(head, "\xEF\xBB\xBF"))
        head = str_from(head, 3);
    bool ok = take(c, head, err);
    rp_buf_free(&c->head);
    return ok;
}

static bool already_failed(struct rp_err *err)
{
    return rp_fail(err, RP_E_BAD_FIELD, "the table could not be read");
}

bool rp_csv_feed(struct rp_csv *c, struct rp_str bytes, struct rp_err *err)
{
    if (c->failed)
        return already_failed(err);
    if (c->detected)
        return take(c, bytes, err);
    rp_buf_str(&c->head, bytes);
    if (c->head.n < DETECT_MAX)
        return true;
    return take_head(c, err);
}

bool rp_csv_finish(struct rp_csv *c, struct rp_err *err)
{
    if (c->failed)
        return already_failed(err);
    if (!c->detected && !take_head(c, err))
        return false;
    if (c->state == QUOTED) {
        (void)rp_fail(err, RP_E_BAD_FIELD, "the quote opened in line %llu is never closed",
                      (unsigned long long)c->quote_line);
        return rp_hint(err, "close it, or double it if it is part of the text");
    }
    return end_record(c, err);
}
