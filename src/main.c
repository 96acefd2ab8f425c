/* Picks a face: the daemon's own commands, or one of the command line's. */
#include "cli/cli.h"
#include "daemon/serve.h"

#include <string.h>

static int serve(struct cli *cli)
{
    struct rp_serve_options o = {
        .config = rp_cli_option(cli, "config"),
        .store = rp_cli_option(cli, "store"),
        .listen = rp_cli_option(cli, "listen"),
        .socket = rp_cli_option(cli, "socket"),
        .node = rp_cli_option(cli, "node"),
    };
    return rp_serve(&o);
}

static const struct rp_option serve_options[] = {
    {"config", "FILE",
     "configuration; default $REPRISE_CONFIG, ./reprise.yaml (for root only if nobody else may "
     "change it), /etc/reprise/reprise.yaml",
     0, 'c'},
    {"store", "URL", "instead of the configured store, e.g. sqlite:///var/lib/reprise/reprise.db",
     0, 0},
    {"listen", "ADDRESS", "instead of the configured host:port; port 0 picks a free one, \"\" none",
     0, 0},
    {"node", "NAME", "name of this node; default its host name", 0, 0},
    {0},
};

static const struct rp_command daemon_rows[] = {
    {"serve", "", 0, 0, serve_options, "run the daemon: scheduler, dispatcher, executor, API",
     "SIGTERM or Ctrl-C stops it gracefully: no new claims, running jobs get their grace and are "
     "then handed back; a second signal "
     "stops at once. SIGHUP reloads the configuration, all or nothing.",
     RP_REVERSIBLE, false, serve},
};
static const struct rp_command_group daemon_group = {"Daemon", daemon_rows,
                                                     sizeof daemon_rows / sizeof *daemon_rows};

int main(int argc, char **argv)
{
    if (argc == 4 &&
        strcmp(argv[1], "demo-job") == 0) /* what the demo's jobs run: no command of people's */
        return rp_demo_job(argv[2], argv[3]);
    return rp_cli_main(argc, argv, &daemon_group);
}
