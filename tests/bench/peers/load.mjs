// The loads of tests/bench/api, for queues that are libraries: each peer gives enqueue, enqueueMany and work.
export const payload = { k: "x".repeat(192) }; // 200 bytes of JSON
const BATCH = 1000;
const now = () => performance.now();

const many = (n, one) => Promise.all(Array.from({ length: n }, one));

// As many as go, `wide` at once, for so many seconds: jobs a second.
async function rate(wide, seconds, jobs, one) {
  const until = now() + seconds * 1e3, began = now();
  let n = 0;
  await many(wide, async () => {
    while (now() < until) {
      await one();
      n += jobs;
    }
  });
  return n / ((now() - began) / 1e3);
}

function percentile(times, share) {
  return times.toSorted((a, b) => a - b)[Math.floor(share * times.length)];
}

// n jobs from enqueue to the end of their run.
async function wholeWay(peer, n) {
  let done = 0, all;
  const finished = new Promise((resolve) => (all = resolve));
  const worker = await peer.work(() => ++done === n && all());
  const began = now();
  let sent = 0;
  await many(2, async () => {
    while (sent < n) {
      sent += BATCH;
      await peer.enqueueMany(BATCH);
    }
  });
  await finished;
  const s = (now() - began) / 1e3;
  await worker.stop();
  return n / s;
}

// One at a time on an idle system: from before the enqueue to the worker's first line, in microseconds.
async function latency(peer, samples) {
  const times = [];
  let ran;
  const worker = await peer.work(() => ran?.(now()));
  for (let i = 0; i < samples; i++) {
    await new Promise((resolve) => setTimeout(resolve, 3 + Math.random() * 4));
    const taken = new Promise((resolve) => (ran = resolve)), began = now();
    await peer.enqueue();
    times.push(((await taken) - began) * 1e3);
  }
  await worker.stop();
  return { p50_us: Math.round(percentile(times, 0.5)), p99_us: Math.round(percentile(times, 0.99)) };
}

export async function measure(peer, options = { seconds: 2, jobs: 10000, samples: 200 }) {
  const batches_per_s = await rate(4, options.seconds, BATCH, () => peer.enqueueMany(BATCH));
  const single_per_s = await rate(64, options.seconds, 1, () => peer.enqueue());
  await peer.empty();
  const work_per_s = await wholeWay(peer, options.jobs);
  const fetch = await latency(peer, options.samples);
  await peer.close();
  console.log(JSON.stringify({ version: peer.version, batches_per_s, single_per_s, work_per_s, ...fetch }));
}
