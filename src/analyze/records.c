#include "analyze/records.h"

#include "analyze/formats/format.h"
#include "analyze/inspect.h"
#include "analyze/pretty.h"

/* Of the lines that are not indented. */
static bool most_are_pretty(struct rp_str lines)
{
    size_t heads = 0, others = 0;
    for (struct rp_str line; rp_str_split(&lines, '\n', &line) && others < 100 + heads;)
        if (line.n > 0 && !is_blank(line.p[0])) {
            bool head = rp_pretty_begins(line);
            heads += head;
            others += !head;
        }
    return heads > others;
}

static bool has_inspected(struct rp_str lines)
{
    struct rp_str line;
    for (int i = 0; i < 100 && rp_str_split(&lines, '\n', &line); i++)
        if (rp_str_starts(line, "{") &&
            rp_inspect_begins(line, str_head(lines, rp_find_byte(lines, '\n'))))
            return true;
    return false;
}

enum rp_record_kind rp_record_kind_of(struct rp_str lines)
{
    struct rp_str rest = lines, first = rp_take_until(&rest, '\n');
    if (rp_str_starts(first, "__CURSOR="))
        return RP_RECORD_EXPORT;
    if (str_has(first, " [s=") && rp_str_ends(first, "]"))
        return RP_RECORD_VERBOSE;
    if (rp_pretty_begins(first) || most_are_pretty(lines))
        return RP_RECORD_PRETTY;
    if (has_inspected(lines))
        return RP_RECORD_INSPECT;
    return rp_str_is(first, "{") || rp_str_find(lines, RP_STR("\n{\n")) != SIZE_MAX
               ? RP_RECORD_OBJECT
               : RP_RECORD_NONE;
}

static void put(struct rp_buf *b, struct rp_str s)
{
    rp_buf_str(b, str_head(s, RP_LOG_LINE_MAX - (b->n < RP_LOG_LINE_MAX ? b->n : RP_LOG_LINE_MAX)));
}

/* ---- objects ---- */

static bool take_object(struct rp_records *r, struct rp_str *line)
{
    bool first = rp_str_is(*line, "{");
    if (!r->open && !first)
        return true;
    if (first)
        r->text.n = 0;
    r->open = true;
    put(&r->text, rp_str_trim(*line));
    rp_buf_c(&r->text, ' ');
    if (!rp_str_is(*line, "}") && !rp_str_is(*line, "},") && r->text.n < RP_LOG_LINE_MAX)
        return false;
    r->open = false;
    *line = rp_strip(rp_buf_view(&r->text), "", " ,");
    return true;
}

static bool end_inspected(struct rp_records *r, struct rp_str *line)
{
    struct rp_jw w = {.out = &r->done};
    r->done.n = 0;
    r->open = false;
    rp_inspect_json(&w, rp_buf_view(&r->text));
    *line = rp_buf_view(&r->done);
    return true;
}

/* From "{" to "}", or a line that begins and ends so. */
static bool take_inspected(struct rp_records *r, struct rp_str *line)
{
    struct rp_str s = *line;
    bool first = rp_str_is(s, "{") || rp_str_starts(s, "{ ");
    if (!r->open && !first)
        return true;
    if (first)
        r->text.n = 0;
    r->open = true;
    put(&r->text, s);
    rp_buf_c(&r->text, '\n');
    if (!rp_str_is(s, "}") && !(rp_str_starts(s, "{ ") && rp_str_ends(s, " }")) &&
        r->text.n < RP_LOG_LINE_MAX)
        return false;
    return end_inspected(r, line);
}

/* ---- the journal's ---- */

/* The 8 bytes of the size end with zeros; a line feed among them was taken for the line's end. */
static struct rp_str behind_size(struct rp_str s)
{
    size_t from = 0;
    for (size_t i = 0; i < 8 && i < s.n; i++)
        if (s.p[i] == '\0')
            from = i + 1;
    return str_from(s, from);
}

static void end_member(struct rp_records *r)
{
    struct rp_jw w = {.out = &r->text, .comma = r->text.n > 1};
    struct rp_str value = rp_buf_view(&r->value);
    if (r->key.n > 0 && r->text.n + r->value.n < RP_LOG_LINE_MAX) {
        rp_jw_key_str(&w, rp_buf_view(&r->key));
        rp_jw_str(&w, r->binary ? behind_size(value) : value);
    }
    r->key.n = r->value.n = 0;
    r->binary = false;
}

/* The entry is complete: into `done`. False: there was none. */
static bool end_entry(struct rp_records *r, struct rp_str *line)
{
    bool any = r->open;
    end_member(r);
    r->done.n = 0;
    rp_buf_str(&r->done, rp_buf_view(&r->text));
    rp_buf_c(&r->done, '}');
    r->text.n = 0;
    r->open = false;
    *line = rp_buf_view(&r->done);
    return any;
}

static void begin_entry(struct rp_records *r)
{
    if (!r->open)
        rp_buf_c(&r->text, '{');
    r->open = true;
}

static size_t key_len(struct rp_str s)
{
    size_t n = 0;
    while (n < s.n && n < 64 && (is_upper(s.p[n]) || is_digit(s.p[n]) || s.p[n] == '_'))
        n++;
    return n;
}

/* "KEY=VALUE", or "KEY" with the bytes on the lines behind; else the value goes on. */
static void take_member(struct rp_records *r, struct rp_str s)
{
    size_t n = key_len(s);
    bool whole = n > 0 && n < s.n && s.p[n] == '=';
    if (!whole && (n == 0 || n < s.n || r->kind == RP_RECORD_VERBOSE || r->binary)) {
        if (r->lines++ > 0)
            put(&r->value, RP_STR("\n"));
        put(&r->value, s);
        return;
    }
    end_member(r);
    begin_entry(r);
    rp_buf_str(&r->key, str_head(s, n));
    r->binary = !whole;
    r->lines = whole;
    if (whole)
        put(&r->value, str_from(s, n + 1));
}

static bool take_export(struct rp_records *r, struct rp_str *line)
{
    struct rp_str s = *line;
    bool begins = rp_str_starts(s, "__CURSOR="), any = false;
    if (begins || (s.n == 0 && !r->binary))
        any = end_entry(r, line);
    if (begins || s.n > 0 || r->binary)
        take_member(r, s);
    return any;
}

static bool take_verbose(struct rp_records *r, struct rp_str *line)
{
    struct rp_str s = *line, head = str_head(s, rp_str_find(s, RP_STR(" [s=")));
    if (head.n == s.n || is_blank(s.p[0])) {
        take_member(r, rp_strip(s, " \t", ""));
        return false;
    }
    bool any = end_entry(r, line);
    begin_entry(r);
    rp_buf_str(&r->key, RP_STR("__REALTIME_TIMESTAMP"));
    put(&r->value, head);
    return any;
}

/* ---- readable again ---- */

static struct rp_jw writer(struct rp_records *r)
{
    struct rp_buf *b = &r->text;
    return (struct rp_jw){.out = b, .comma = b->n > 0 && b->p[b->n - 1] != '{'};
}

static bool end_pretty(struct rp_records *r, struct rp_str *line)
{
    struct rp_jw w = writer(r);
    if (r->open && r->depth == 0)
        rp_pretty_error(&w, rp_buf_view(&r->value));
    for (; r->depth > 0; r->depth--)
        rp_jw_object_end(&w);
    r->value.n = 0;
    return end_entry(r, line);
}

/* "err: {", its members, its stack, "}" */
static void take_inner(struct rp_records *r, struct rp_str s)
{
    struct rp_jw w = writer(r);
    struct rp_str key = rp_strip(str_head(s, rp_find_byte(s, ':')), "\"", "\"");
    if (key.n > 0 && key.n + 4 >= s.n && rp_str_ends(s, ": {") && r->depth < 2) {
        rp_jw_key_str(&w, key);
        rp_jw_object(&w);
        r->depth++;
    } else if (r->depth > 0 && (rp_str_is(s, "}") || rp_str_is(s, "},"))) {
        if (r->value.n > 0)
            rp_jw_m_str(&w, "stack", rp_buf_view(&r->value));
        r->value.n = 0;
        rp_jw_object_end(&w);
        r->depth--;
    } else if (!rp_str_is(s, "\"stack\":") && !rp_pretty_member(&w, s)) {
        if (r->value.n > 0)
            put(&r->value, RP_STR("\n"));
        put(&r->value, s);
    }
}

static bool take_pretty(struct rp_records *r, struct rp_str *line)
{
    struct rp_str s = *line;
    if (rp_pretty_begins(s)) {
        bool any = end_pretty(r, line);
        begin_entry(r);
        struct rp_jw w = writer(r);
        rp_pretty_first(&w, s);
        return any;
    }
    if (!r->open)
        return true;
    if (s.n > 0 && is_blank(s.p[0]) && r->text.n + s.n < RP_LOG_LINE_MAX) {
        take_inner(r, rp_str_trim(s));
        return false;
    }
    (void)end_pretty(r, line); /* somebody else's line: a part of its own behind the entry */
    rp_buf_c(&r->done, '\n');
    rp_buf_str(&r->done, s);
    *line = rp_buf_view(&r->done);
    return true;
}

bool rp_record_take(struct rp_records *r, struct rp_str *line)
{
    switch (r->kind) {
    case RP_RECORD_OBJECT:
        return take_object(r, line);
    case RP_RECORD_EXPORT:
        return take_export(r, line);
    case RP_RECORD_VERBOSE:
        return take_verbose(r, line);
    case RP_RECORD_PRETTY:
        return take_pretty(r, line);
    case RP_RECORD_INSPECT:
        return take_inspected(r, line);
    default:
        return true;
    }
}

bool rp_record_rest(struct rp_records *r, struct rp_str *line)
{
    if (r->kind == RP_RECORD_NONE || !r->open)
        return false;
    if (r->kind == RP_RECORD_PRETTY)
        return end_pretty(r, line);
    if (r->kind == RP_RECORD_INSPECT)
        return end_inspected(r, line);
    if (r->kind != RP_RECORD_OBJECT)
        return end_entry(r, line);
    r->open = false;
    *line = rp_buf_view(&r->text);
    return true;
}

void rp_records_free(struct rp_records *r)
{
    rp_buf_free(&r->text);
    rp_buf_free(&r->key);
    rp_buf_free(&r->value);
    rp_buf_free(&r->done);
}
