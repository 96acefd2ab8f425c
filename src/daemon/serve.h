/* The daemon: puts store, engine, dependency checks and API together, and lives by signals.
 *
 *   SIGTERM, SIGINT   graceful stop: no new claims, running jobs get their grace; a second one
 * stops at once SIGHUP            reload of the configuration, all or nothing */
#ifndef RP_DAEMON_SERVE_H
#define RP_DAEMON_SERVE_H

struct rp_serve_options {
    const char *config; /* NULL: $REPRISE_CONFIG, ./reprise.yaml, /etc/reprise/reprise.yaml, or the
                           built-in default */
    const char *store, *listen, *socket, *node; /* NULL: as configured */
};

/* Returns the exit code. Blocks the signals named above in the calling thread and those it starts.
 */
int rp_serve(const struct rp_serve_options *o);

#endif
