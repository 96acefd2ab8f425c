/** A function under a lock that only one holder has, with the run on record. */
import { hostname } from 'node:os';
import { call, RepriseProblem, type Connection } from './client.js';

export interface RunContext {
  jobId: string;
  /** Aborted when the lock is lost, or an operator cancels the run: stop then. */
  signal: AbortSignal;
  /** Rises with each holder of the lock: hand it to what you write to, so that a late writer is refused. */
  fence: number;
  attempt: number;
}

export interface ExecuteOptions<T> {
  /** Names the job, and the lock. */
  jobId: string;
  jobFunction: (run: RunContext) => Promise<T> | T;
  /** How long the lock outlives a holder that went away without a word. At least 1. */
  lockTimeoutSeconds: number;
  connection?: Connection;
}

export interface ExecuteResult<T> {
  /** false: another run has the lock; nothing was done. */
  executed: boolean;
  result?: T;
  /** The run on record. */
  runId?: string;
  fence?: number;
  /** Who has the lock, where it was not got. */
  heldBy?: string;
}

/** The lock was lost while the function ran: another holder may have begun. What the function did is on record as lost. */
export class LockLost extends Error {
  override readonly name = 'LockLost';
}

interface Started {
  lease: string;
  token: string;
  attempt: number;
  fence?: number;
  job: { id: string };
}

const MOST_LEASE_MS = 86_400_000;

function errorOf(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: String(error) };
  const code = (error as NodeJS.ErrnoException).code;
  return {
    message: error.message || error.name, type: error.name,
    ...(error.stack === undefined ? {} : { stack: error.stack.slice(0, 16_000) }),
    ...(typeof code === 'string' ? { code } : {}),
  };
}

/** Extends the lease three times in its length; aborts when it is gone. A beat that does not get through is tried again. */
function heartbeat(c: Connection, s: Started, leaseMs: number, worker: string, stop: AbortController): () => void {
  let until = Date.now() + leaseMs;
  const beat = async (): Promise<void> => {
    const sent = Date.now();
    try {
      const [entry] = await call<{ ok: boolean; cancel?: boolean }[]>(
        { ...c, timeoutMs: Math.max(1000, leaseMs / 3) }, 'POST', '/v1/work/beat',
        { worker, leases: [{ lease: s.lease, token: s.token }], extend_ms: leaseMs });
      if (entry?.ok !== true) stop.abort(new LockLost('the lock is held by somebody else by now'));
      else if (entry.cancel) stop.abort(new Error('an operator cancelled the run'));
      else until = sent + leaseMs;
    } catch {
      if (Date.now() >= until) stop.abort(new LockLost('the daemon could not be reached for as long as the lock lasts'));
    }
  };
  const timer = setInterval(() => void beat(), leaseMs / 3);
  return () => clearInterval(timer);
}

async function finish(c: Connection, s: Started, report: Record<string, unknown>): Promise<void> {
  try {
    await call(c, 'POST', `/v1/runs/${s.lease}/finish`, { token: s.token, ...report });
  } catch (error) {
    if (error instanceof RepriseProblem && error.code === 'lease-lost')
      throw new LockLost('the lock was lost before the end could be reported');
    throw error;
  }
}

function resultOf(value: unknown): Record<string, unknown> {
  const text = value === undefined ? undefined : JSON.stringify(value);
  return text === undefined ? {} : { result: JSON.parse(text) as unknown };
}

/**
 * Runs `jobFunction` unless another run of `jobId` has the lock. Its end, or its error, is on record before this returns; its error is
 * thrown on. Without the daemon nothing runs: a lock that nobody keeps is none.
 */
export async function safeCronExecute<T>(options: ExecuteOptions<T>): Promise<ExecuteResult<T>> {
  const c = options.connection ?? {};
  const leaseMs = Math.round(options.lockTimeoutSeconds * 1000);
  if (!(leaseMs >= 1000 && leaseMs <= MOST_LEASE_MS)) throw new RangeError('lockTimeoutSeconds must be from 1 to 86400');
  const worker = `${hostname()}:${process.pid}`;
  let s: Started;
  try {
    s = await call<Started>(c, 'POST', '/v1/runs', { type: options.jobId, lock: options.jobId, worker, lease_ms: leaseMs });
  } catch (error) {
    if (error instanceof RepriseProblem && error.code === 'lock-held') return { executed: false, heldBy: error.message };
    throw error;
  }
  const stop = new AbortController();
  const still = heartbeat(c, s, leaseMs, worker, stop);
  const run = { jobId: options.jobId, signal: stop.signal, fence: s.fence ?? 0, attempt: s.attempt };
  let result: T;
  try {
    result = await options.jobFunction(run);
  } catch (error) {
    still();
    await finish(c, s, { outcome: 'failed', error: errorOf(error) });
    throw error;
  }
  still();
  await finish(c, s, { outcome: 'succeeded', ...resultOf(result) });
  return { executed: true, result, runId: s.job.id, fence: run.fence };
}
