/** Against a real daemon: $REPRISE_BIN serve, in a folder of its own. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { LockLost, replayFailedJobs, RepriseProblem, safeCronExecute, type Connection } from '../src/index.js';
import { call } from '../src/client.js';

const bin = process.env['REPRISE_BIN'];
if (bin === undefined) throw new Error('REPRISE_BIN must name the program: REPRISE_BIN=…/build/reprise npm test');
const folder = mkdtempSync(join(tmpdir(), 'rp-node-'));
const connection: Connection = { socket: join(folder, 's') };
let daemon: ChildProcess;
let log = '';

async function until<T>(what: string, probe: () => Promise<T | undefined | false>, deadlineMs = 90_000): Promise<T> {
  const end = Date.now() + deadlineMs;
  for (;;) {
    const value = await probe().catch(() => undefined);
    if (value) return value;
    assert.ok(Date.now() < end, `${what} did not come true\n${log.slice(-2000)}`);
    await sleep(20);
  }
}

async function start(): Promise<void> {
  daemon = spawn(bin!, ['serve', '--config', join(folder, 'reprise.yaml')], { stdio: ['ignore', 'pipe', 'pipe'] });
  daemon.stdout!.on('data', (d: Buffer) => (log += d.toString()));
  daemon.stderr!.on('data', (d: Buffer) => (log += d.toString()));
  await until('readyz', () => call<{ ready: boolean }>(connection, 'GET', '/readyz').then((a) => a.ready));
}

async function stop(): Promise<void> {
  const gone = new Promise((resolve) => daemon.once('exit', resolve));
  daemon.kill('SIGKILL');
  await gone;
}

before(async () => {
  writeFileSync(join(folder, 'reprise.yaml'), [
    `store: sqlite://${folder}/r.db`, `socket: ${folder}/s`, 'node: test', 'listen: 127.0.0.1:0', 'replay: { settle: 0s }', 'jobs:',
    `  reconciliation: { shell: "test -e ${folder}/fixed || { echo 'connect ECONNREFUSED 10.0.0.7:5432' >&2; exit 1; }", idempotent: true, retries: 0 }`,
    `  broken: { shell: "echo 'connect ECONNREFUSED 10.0.0.8:5432' >&2; exit 1", idempotent: true, retries: 0 }`,
    `  mail: { shell: "exit 1", retries: 0 }`, `  fetched: { idempotent: true, retries: 0 }`, ''].join('\n'));
  await start();
});

after(async () => {
  await stop();
  rmSync(folder, { recursive: true, force: true });
});

async function failed(type: string, n: number): Promise<string[]> {
  const made = await call<{ items?: { id: string }[] } | { id: string }[]>(connection, 'POST', '/v1/jobs', Array.from({ length: n }, () => ({ type })));
  const ids = (Array.isArray(made) ? made : (made.items ?? [])).map((j) => j.id);
  assert.equal(ids.length, n);
  for (const id of ids)
    await until(`job ${id} failed`, () => call<{ state: string }>(connection, 'GET', `/v1/jobs/${id}`).then((j) => j.state === 'failed'));
  return ids;
}

const lastHour = () => new Date(Date.now() - 3_600_000);

test('a dry run counts and changes nothing', async () => {
  await failed('reconciliation', 8);
  const r = await replayFailedJobs({ jobType: 'reconciliation', startTime: lastHour(), dryRun: true, connection });
  assert.deepEqual(r, { replayId: null, matched: 8, replayed: 8, succeeded: 0, failed: 0, skipped: 0, halted: false, dryRun: true, items: [] });
  const { items } = await call<{ items: unknown[] }>(connection, 'GET', '/v1/replays');
  assert.equal(items.length, 0);
});

test('failed jobs are replayed once their cause is gone, each with its outcome', async () => {
  writeFileSync(join(folder, 'fixed'), '');
  const r = await replayFailedJobs({
    jobType: 'reconciliation', startTime: lastHour(), endTime: new Date(Date.now() + 1000), pattern: 'ECONNREFUSED', dryRun: false, connection });
  assert.match(r.replayId ?? '', /^R\d+$/);
  assert.deepEqual([r.matched, r.replayed, r.succeeded, r.failed, r.skipped, r.halted, r.dryRun], [8, 8, 8, 0, 0, false, false]);
  assert.deepEqual(new Set(r.items.map((i) => i.outcome)), new Set(['succeeded']));
  const again = await replayFailedJobs({ jobType: 'reconciliation', startTime: lastHour(), dryRun: false, connection });
  assert.deepEqual([again.replayId, again.matched, again.replayed], [null, 0, 0]);
});

test('what fails again halts it', async () => {
  await failed('broken', 20);
  const r = await replayFailedJobs({ jobType: 'broken', startTime: lastHour(), dryRun: false, connection });
  assert.equal(r.halted, true);
  assert.ok(r.failed >= 3 && r.failed <= 5, `${r.failed} failed`);
  assert.match(r.says ?? '', /not acceptable/);
  assert.equal(r.items.filter((i) => i.outcome === 'not-run').length, 20 - r.failed - r.succeeded);
});

test('what may not be repeated is left out, and what cannot be used is an error', async () => {
  await failed('mail', 2);
  const r = await replayFailedJobs({ jobType: 'mail', startTime: lastHour(), dryRun: false, connection });
  assert.deepEqual([r.matched, r.replayed, r.skipped], [2, 0, 2]);
  const bad = (more: object) => replayFailedJobs({ jobType: 'mail', startTime: lastHour(), dryRun: true, connection, ...more });
  await assert.rejects(bad({ jobType: 'nobody' }), (e: unknown) => e instanceof RepriseProblem && e.code === 'not-found');
  await assert.rejects(bad({ pattern: 'no such words' }), /no pattern has/);
  await assert.rejects(bad({ pattern: 'P999' }), RepriseProblem);
});

interface Lease { lease: string; token: string }

async function work(outcome: object): Promise<number> {
  const { leases } = await call<{ leases: Lease[] }>(connection, 'POST', '/v1/work/fetch', { worker: 'w', types: ['fetched'], max: 500, wait_ms: 200 });
  if (leases.length > 0)
    await call(connection, 'POST', '/v1/work/report', leases.map(({ lease, token }) => ({ lease, token, ...outcome })));
  return leases.length;
}

test('each of many jobs is told, also those behind the first page', async () => {
  const many = 1200;
  for (let i = 0; i < many; i += 600)
    await call(connection, 'POST', '/v1/jobs', Array.from({ length: 600 }, () => ({ type: 'fetched' })));
  const error = { message: 'connect ECONNREFUSED 10.0.0.9:5432', retryable: false };
  for (let left = many; left > 0; ) left -= await work({ outcome: 'failed', error });
  let over = false;
  const worker = (async () => { while (!over) await work({ outcome: 'succeeded' }); })();
  const r = await replayFailedJobs({ jobType: 'fetched', startTime: lastHour(), dryRun: false, connection }).finally(() => { over = true; });
  await worker;
  assert.equal(r.succeeded, many);
  assert.equal(new Set(r.items.map((i) => i.jobId)).size, many);
});

test('a function runs under its lock and its result is on record', async () => {
  const r = await safeCronExecute({ jobId: 'report', lockTimeoutSeconds: 30, connection, jobFunction: (run) => ({ rows: 3, fence: run.fence }) });
  assert.equal(r.executed, true);
  assert.deepEqual(r.result, { rows: 3, fence: r.fence });
  const job = await call<{ state: string; type: string }>(connection, 'GET', `/v1/jobs/${r.runId}`);
  assert.deepEqual([job.state, job.type], ['succeeded', 'report']);
});

test('only one holder at a time, and the fence rises', async () => {
  let inside = 0, most = 0;
  const fences: number[] = [];
  const one = () => safeCronExecute({
    jobId: 'exclusive', lockTimeoutSeconds: 30, connection,
    jobFunction: async (run) => {
      most = Math.max(most, ++inside);
      fences.push(run.fence);
      await sleep(50);
      inside--;
    } });
  const all = await Promise.all(Array.from({ length: 8 }, one));
  assert.equal(most, 1);
  assert.ok(all.filter((r) => r.executed).length >= 1);
  assert.ok(all.filter((r) => !r.executed).every((r) => /held/.test(r.heldBy ?? '')));
  await one();
  assert.ok(fences.every((f, i) => i === 0 || f > fences[i - 1]!), `${fences}`);
});

test('an error is on record with its text, and thrown on', async () => {
  const broken = new TypeError('tenantId is undefined');
  await assert.rejects(safeCronExecute({ jobId: 'crash', lockTimeoutSeconds: 30, connection, jobFunction: () => { throw broken; } }), broken);
  const { items } = await call<{ items: { type: string; state: string; error?: { message: string } }[] }>(connection, 'GET', '/v1/jobs?type=crash');
  assert.deepEqual([items.length, items[0]!.state], [1, 'failed']);
  assert.match(items[0]!.error?.message ?? '', /tenantId is undefined/);
  const next = await safeCronExecute({ jobId: 'crash', lockTimeoutSeconds: 30, connection, jobFunction: () => 'well' });
  assert.equal(next.result, 'well'); // the lock was given back
});

test('beats keep the lock for longer than its time', async () => {
  const r = await safeCronExecute({
    jobId: 'long', lockTimeoutSeconds: 8, connection,
    jobFunction: async (run) => {
      await sleep(18000);
      const other = await safeCronExecute({ jobId: 'long', lockTimeoutSeconds: 8, connection, jobFunction: () => 'stolen' });
      return [other.executed, run.signal.aborted];
    } });
  assert.deepEqual(r.result, [false, false]);
});

test('who loses the lock is told, and its end does not count', async () => {
  const lost = safeCronExecute({
    jobId: 'taken', lockTimeoutSeconds: 1, connection,
    jobFunction: async (run) => {
      await stop(); // nobody beats while the daemon is away
      const told = await new Promise((resolve) => run.signal.addEventListener('abort', () => resolve(run.signal.reason)));
      assert.ok(told instanceof LockLost);
      await start();
      throw told;
    } });
  await assert.rejects(lost, LockLost);
});

test('without the daemon nothing runs', async () => {
  let ran = false;
  await assert.rejects(safeCronExecute({
    jobId: 'x', lockTimeoutSeconds: 5, connection: { socket: join(folder, 'nobody') }, jobFunction: () => { ran = true; } }));
  assert.equal(ran, false);
});

test('over TCP it needs a token', async () => {
  const port = await until('the port', async () => Number([...log.matchAll(/port=(\d+)/g)].at(-1)?.[1]));
  const { token } = await call<{ token: string }>(connection, 'POST', '/v1/tokens', { name: 'cron', scope: 'work' });
  const tcp = { url: `http://127.0.0.1:${port}` };
  await assert.rejects(safeCronExecute({ jobId: 'tcp', lockTimeoutSeconds: 5, connection: tcp, jobFunction: () => 1 }), (e: unknown) => e instanceof RepriseProblem && e.status === 401);
  const r = await safeCronExecute({ jobId: 'tcp', lockTimeoutSeconds: 5, connection: { ...tcp, token }, jobFunction: () => 1 });
  assert.equal(r.result, 1);
});
