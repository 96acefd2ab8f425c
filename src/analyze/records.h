/* Entries that go over many lines, as one line each: JSON objects that are printed with line feeds,
 * the journal's entries as journalctl -o export and -o verbose print them, and JSON lines that were
 * made readable, which become JSON objects again. One log's; bounded by the longest line that is
 * kept. */
#ifndef RP_ANALYZE_RECORDS_H
#define RP_ANALYZE_RECORDS_H

#include "base/json.h"

enum rp_record_kind {
    RP_RECORD_NONE,
    RP_RECORD_OBJECT,  /* from a line "{" up to a line "}" */
    RP_RECORD_EXPORT,  /* KEY=VALUE lines up to a blank one; what is no text as KEY, size, bytes */
    RP_RECORD_VERBOSE, /* "TIME [s=…;i=…]", then indented KEY=VALUE lines */
    RP_RECORD_PRETTY,  /* JSON lines made readable (pretty.h), read back */
    RP_RECORD_INSPECT, /* objects as Node prints them (inspect.h), of one line or many */
};

struct rp_records {
    enum rp_record_kind kind;
    bool open;                /* within an entry */
    bool binary;              /* of an export: the value has its size in front */
    int depth;                /* of objects within one that was made readable */
    size_t lines;             /* of the member's value */
    struct rp_buf text;       /* the entry so far */
    struct rp_buf key, value; /* its last member */
    struct rp_buf done;       /* the entry before, handed out */
};

/* By the first lines of a log; NONE: each line is an entry. */
enum rp_record_kind rp_record_kind_of(struct rp_str lines);
/* Takes a line. False: it is kept, the entry goes on. Else *line is an entry, until the next call,
 * or a line outside of all. */
bool rp_record_take(struct rp_records *r, struct rp_str *line);
/* What is left of the last entry; false: nothing. */
bool rp_record_rest(struct rp_records *r, struct rp_str *line);
void rp_records_free(struct rp_records *r);

#endif
