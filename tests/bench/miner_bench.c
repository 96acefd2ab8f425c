/* Speed and memory of the pattern miner on lines that it makes itself: a mix of what services
 * print, with values that vary. Prints one JSON object.
 *
 *     miner_bench [LINES]      10,000,000 without an argument
 */
#include "analyze/miner/miner.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

enum { MADE = 100000, LINE_MAX_BYTES = 400 };

/* %n number, %h host, %i address, %u UUID, %x hex, %p path, %t time, %d duration, %w name */
static const char *const formats[] = {
    "connection received: host=%i port=%n",
    "Accepted publickey for %w from %i port %n ssh2: RSA SHA256:%x",
    "request %u finished with status %n in %dms",
    "worker %n picked up job %u of queue %w (attempt %n)",
    "could not connect to %h:%n: connection refused",
    "checkpoint complete: wrote %n buffers (%n%%); %n files added, %n removed, %n recycled",
    "level=info ts=%t msg=\"request completed\" method=GET path=%p status=200 duration=%dms",
    "Received block blk_%n of size %n from /%i",
    "PacketResponder %n for block blk_%n terminating",
    "GET %p HTTP/1.1 %n %n %dms",
    "task %n.0 in stage %n.0 (TID %n) finished on %h (progress: %n/%n)",
    "session opened for user %w by (uid=%n)",
    "%h kernel: [%n.%n] eth0: link becomes ready",
    "Failed to write %p: No space left on device (errno=28)",
    "lease %x of %w expired at %t; job goes back to queue %w",
    "GC pause (young) %n.%n ms, heap %nM -> %nM",
    "consumer group %w rebalanced: generation %n, %n members, coordinator %h:%n",
    "payload of message %u rejected: field \"%w\" is missing",
    "backup of volume %w to %p took %ds (%n KB)",
    "10.0.0.%n - - \"POST %p HTTP/1.1\" %n %n \"-\" \"curl/7.%n\"",
};
enum { FORMATS = sizeof formats / sizeof formats[0] };

static uint64_t random_state = 88172645463325252U;

/* xorshift64, Marsaglia 2003: the same lines in every run. */
static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static void put_value(struct rp_buf *b, char kind)
{
    static const char *const names[] = {"orders", "billing_eu", "reports", "audit",
                                        "search", "emails",     "deploy",  "alice"};
    uint64_t r = next_random();
    unsigned n = (unsigned)(r % 100000), a = (unsigned)(r >> 32 & 255),
             c = (unsigned)(r >> 40 & 255);
    switch (kind) {
    case 'h':
        rp_buf_fmt(b, "node-%u.dc1.example.com", n % 50);
        break;
    case 'i':
        rp_buf_fmt(b, "10.%u.%u.%u", a, c, n % 256);
        break;
    case 'u':
        rp_buf_fmt(b, "%08x-%04x-4%03x-a%03x-%012llx", (unsigned)r, a * c, a, c,
                   (unsigned long long)(r & 0xFFFFFFFFFFFF));
        break;
    case 'x':
        rp_buf_fmt(b, "%016llx", (unsigned long long)r);
        break;
    case 'p':
        rp_buf_fmt(b, "/srv/%s/%u/part-%u.dat", names[a % 8], c, n);
        break;
    case 't':
        rp_buf_fmt(b, "2026-11-%02uT%02u:%02u:%02uZ", 1 + a % 28, c % 24, n % 60, a % 60);
        break;
    case 'd':
        rp_buf_fmt(b, "%u", n % 5000);
        break;
    case 'w':
        rp_buf_str(b, rp_str_of(names[a % 8]));
        break;
    default:
        rp_buf_fmt(b, "%u", n);
        break;
    }
}

static void put_line(struct rp_buf *b)
{
    for (const char *f = formats[next_random() % FORMATS]; *f != '\0'; f++) {
        if (*f != '%')
            rp_buf_c(b, *f);
        else if (*++f == '%')
            rp_buf_c(b, '%');
        else
            put_value(b, *f);
    }
}

struct lines {
    struct rp_buf text;
    size_t ends[MADE];
};

static void make_lines(struct lines *l)
{
    for (size_t i = 0; i < MADE; i++) {
        put_line(&l->text);
        l->ends[i] = l->text.n;
    }
}

/* Takes `n` lines; seconds of processor time. */
static double mine(struct rp_miner *m, const struct lines *l, size_t n)
{
    clock_t start = clock();
    for (size_t k = 0; k < n; k++) {
        size_t i = k % MADE, from = i > 0 ? l->ends[i - 1] : 0;
        (void)rp_miner_add(m, (struct rp_str){l->text.p + from, l->ends[i] - from});
    }
    return (double)(clock() - start) / (double)CLOCKS_PER_SEC;
}

int main(int argc, char **argv)
{
    static struct lines lines;
    struct rusage use;
    size_t n = argc > 1 ? (size_t)strtoull(argv[1], NULL, 10) : 10000000;
    struct rp_miner *m = rp_miner_new();
    make_lines(&lines);
    (void)getrusage(RUSAGE_SELF, &use);
    long before_kb = use.ru_maxrss;
    double first = mine(m, &lines, MADE);
    clock_t start = clock();
    rp_miner_refine(m);
    double refine = (double)(clock() - start) / (double)CLOCKS_PER_SEC;
    double known = mine(m, &lines, n);
    struct rp_miner_stats s = rp_miner_stats(m);
    (void)getrusage(RUSAGE_SELF, &use);
    (void)printf("{\"lines\":%llu,\"mean_bytes\":%zu,\"new_lines_per_s\":%.0f,\"lines_per_s\":%.0f,"
                 "\"us_per_line\":%.3f,\"refine_ms\":%.1f,\"forms\":%u,\"patterns\":%u,"
                 "\"miner_mb\":%.1f}\n",
                 (unsigned long long)s.lines, lines.text.n / MADE, MADE / first, (double)n / known,
                 known * 1e6 / (double)n, refine * 1e3, s.forms, s.patterns,
                 (double)(use.ru_maxrss - before_kb) / 1024);
    rp_miner_free(m);
    rp_buf_free(&lines.text);
    return 0;
}
