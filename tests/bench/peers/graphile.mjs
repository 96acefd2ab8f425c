// usage: graphile.mjs CONNECTION-STRING
import { createRequire } from "node:module";
import { Logger, makeWorkerUtils, run } from "graphile-worker";
import pg from "pg";
import { measure, payload } from "./load.mjs";

const pgPool = new pg.Pool({ connectionString: process.argv[2], max: 40 });
pgPool.on("error", () => {}); // what matters fails its query too
const logger = new Logger(() => () => {});
const utils = await makeWorkerUtils({ pgPool, logger });
await utils.migrate();

await measure({
  version: createRequire(import.meta.url)("graphile-worker/package.json").version,
  enqueue: () => utils.addJob("work", payload),
  enqueueMany: (n) => utils.addJobs(Array(n).fill({ identifier: "work", payload })),
  work: async (ran) => {
    const runner = await run({
      pgPool,
      logger,
      noHandleSignals: true,
      taskList: { work: () => ran() },
      // Tuned as its manual says for many small jobs.
      preset: { worker: { concurrentJobs: 24, localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 } },
    });
    return { stop: () => runner.stop() };
  },
  empty: () => pgPool.query("delete from graphile_worker._private_jobs"),
  close: async () => {
    await utils.release();
    await pgPool.end();
  },
});
