// usage: bullmq.mjs PORT of a Redis server that syncs at every write
import { createRequire } from "node:module";
import { Queue, Worker } from "bullmq";
import IORedis from "ioredis";
import { measure, payload } from "./load.mjs";

const connection = new IORedis({ host: "127.0.0.1", port: Number(process.argv[2]), maxRetriesPerRequest: null });
const queue = new Queue("bench", { connection });
const job = { name: "work", data: payload };

await measure({
  version: createRequire(import.meta.url)("bullmq/package.json").version,
  enqueue: () => queue.add(job.name, job.data),
  enqueueMany: (n) => queue.addBulk(Array(n).fill(job)),
  work: async (ran) => {
    const worker = new Worker("bench", async () => ran(), { connection, concurrency: 200 });
    await worker.waitUntilReady();
    return { stop: () => worker.close() };
  },
  empty: () => queue.obliterate({ force: true }),
  close: async () => {
    await queue.close();
    connection.disconnect();
  },
});
