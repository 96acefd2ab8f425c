/* Load on a daemon's API, for `make bench`; one JSON object on standard output.
 *
 *     bench_load enqueue|fill|work|fetch|start|spawn [--name value]...
 *
 * Where: --socket PATH, or --port N --token T. What: --type T (work: "" for any) --payload BYTES
 * --batch N. How much:
 * --connections N --workers N --n N --seconds S --warm S; of work --wave N. Of start and spawn:
 * --program PATH; of start --stamp NAME: what the daemon's configuration gives that program as its
 * argument. */
#include "load.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static const struct {
    const char *name;
    void (*run)(struct load *l);
} loads[] = {
    {"enqueue", load_enqueue}, {"fill", load_fill},   {"work", load_work},
    {"fetch", load_fetch},     {"start", load_start}, {"spawn", load_spawn},
};

enum option_code {
    SOCKET = 1,
    PORT,
    TOKEN,
    TYPE,
    PAYLOAD,
    BATCH,
    CONNECTIONS,
    WORKERS,
    N,
    WAVE,
    SECONDS,
    WARM,
    PROGRAM,
    STAMP
};

static const struct option options[] = {
    {"socket", required_argument, NULL, SOCKET},
    {"port", required_argument, NULL, PORT},
    {"token", required_argument, NULL, TOKEN},
    {"type", required_argument, NULL, TYPE},
    {"payload", required_argument, NULL, PAYLOAD},
    {"batch", required_argument, NULL, BATCH},
    {"connections", required_argument, NULL, CONNECTIONS},
    {"workers", required_argument, NULL, WORKERS},
    {"n", required_argument, NULL, N},
    {"wave", required_argument, NULL, WAVE},
    {"seconds", required_argument, NULL, SECONDS},
    {"warm", required_argument, NULL, WARM},
    {"program", required_argument, NULL, PROGRAM},
    {"stamp", required_argument, NULL, STAMP},
    {NULL, 0, NULL, 0},
};

static void set_text(struct load *l, int code)
{
    const char **const text = code == SOCKET    ? &l->http.socket_path
                              : code == TOKEN   ? &l->http.token
                              : code == TYPE    ? &l->type
                              : code == PROGRAM ? &l->program
                                                : &l->stamp;
    *text = optarg;
}

static void set(struct load *l, int code)
{
    switch (code) {
    case PORT:
        l->http.port = atoi(optarg);
        break;
    case PAYLOAD:
        l->payload = atoll(optarg);
        break;
    case BATCH:
        l->batch = atoll(optarg);
        break;
    case CONNECTIONS:
        l->connections = atoi(optarg);
        break;
    case WORKERS:
        l->workers = atoi(optarg);
        break;
    case N:
        l->n = atoll(optarg);
        break;
    case WAVE:
        l->wave = atoll(optarg);
        break;
    case SECONDS:
        l->seconds = atof(optarg);
        break;
    case WARM:
        l->warm = atof(optarg);
        break;
    default:
        set_text(l, code);
    }
}

int main(int argc, char **argv)
{
    static struct load l = {.type = "work",
                            .connections = 4,
                            .workers = 4,
                            .batch = 1,
                            .payload = 200,
                            .n = 1000,
                            .seconds = 2,
                            .warm = .5,
                            .program = "/bin/true",
                            .stamp = "reprise-bench"};
    for (int code; (code = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (code == '?')
            return 2;
        set(&l, code);
    }
    for (size_t i = 0; optind < argc && i < sizeof loads / sizeof *loads; i++)
        if (strcmp(argv[optind], loads[i].name) == 0) {
            loads[i].run(&l);
            return 0;
        }
    bench_die("usage: bench_load enqueue|fill|work|fetch|start|spawn [--name value]...");
}
