/* A self-contained HTML page: text is escaped here and nowhere else. */
#ifndef RP_CLI_PAGE_H
#define RP_CLI_PAGE_H

#include "cli/internal.h"

struct page {
    struct cli *cli;
    struct rp_buf out;
    int figures; /* so far: each has ids of its own */
};

void page_text(struct page *p, struct rp_str s); /* escaped; control characters become blanks */
void page_cstr(struct page *p, const char *s);
void page_raw(struct page *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void page_head(struct page *p, const char *title);
void page_end(struct page *p);

/* A table: caption, column titles (ended by NULL); then cells row by row. */
void page_table(struct page *p, const char *caption, const char *const *titles);
void page_row(struct page *p); /* ends the one before */
void page_cell(struct page *p, const char *text);
void page_number(struct page *p, const char *text);
void page_table_end(struct page *p);

/* A picture with a title and a description for those who do not see it. */
void page_figure(struct page *p, int width, int height, const char *title, const char *description);
void page_figure_end(struct page *p);

/* Bars from the left, one a row, each with its label and value. */
struct page_bar {
    const char *label, *value;
    double share; /* 0 to 1 of the width */
    bool quiet;   /* the one that is compared with */
};
void page_bars(struct page *p, const char *title, const char *description,
               const struct page_bar *bars, size_t n);

bool page_save(struct page *p, const char *path, struct rp_err *err);

#endif
