/** The runbook's Action 1: failed jobs of a type and time, run again under guards. */
import { setTimeout as sleep } from 'node:timers/promises';
import { call, RepriseProblem, type Connection } from './client.js';

export interface ReplayOptions {
  jobType: string;
  /** Jobs that failed since then … */
  startTime: Date;
  /** … until then; default: now. */
  endTime?: Date;
  /** A pattern by its id (`P3`), or words that exactly one pattern has. */
  pattern?: string;
  /** Only says what would be done. */
  dryRun: boolean;
  /** Kept with the replay, for who looks at it later. */
  reason?: string;
  /** Stops waiting; the replay goes on by itself. */
  signal?: AbortSignal;
  connection?: Connection;
}

export interface ReplayedItem {
  jobId: string;
  outcome: 'not-run' | 'running' | 'succeeded' | 'failed-same' | 'failed-new' | 'skipped' | 'unknown';
  why?: string;
}

export interface ReplayResult {
  /** null: a dry run, or nothing was left to replay. */
  replayId: string | null;
  matched: number;
  /** Jobs in the replay; of a dry run: jobs that would be. */
  replayed: number;
  succeeded: number;
  failed: number;
  /** Left out, and skipped while it ran. */
  skipped: number;
  /** It stopped by itself, because too many failed again or what they need went down: see `says`. */
  halted: boolean;
  dryRun: boolean;
  says?: string;
  items: ReplayedItem[];
}

interface Replay {
  id: string;
  state: string;
  says?: string;
  matched: number;
  left_out: number;
  to_replay: number;
  fates: Record<'succeeded' | 'failed_same' | 'failed_new' | 'skipped' | 'unknown' | 'running' | 'not_run', number>;
}
interface Plan {
  matched: number;
  to_replay: number;
  refused?: { check: string; says: string };
}
interface Page<T> {
  items: T[];
  next_cursor?: string;
}

const POLL_MS = 300;

async function patternOf(c: Connection, words: string): Promise<string> {
  if (/^P[1-9][0-9]*$/.test(words)) return words;
  const { items } = await call<Page<{ id: string; template: string; name?: string }>>(c, 'GET', '/v1/patterns?limit=1000');
  const found = items.filter((p) => p.name === words || p.template.includes(words));
  if (found.length !== 1) {
    const which = found.slice(0, 5).map((p) => `${p.id}: ${p.template}`).join('; ');
    throw new Error(found.length === 0 ? `no pattern has "${words}"` : `"${words}" fits ${found.length} patterns: ${which}`);
  }
  return found[0]!.id;
}

async function itemsOf(c: Connection, id: string): Promise<ReplayedItem[]> {
  const all: ReplayedItem[] = [];
  for (let cursor = ''; ; ) {
    const page = await call<Page<{ job: string; fate: ReplayedItem['outcome']; why?: string }>>(
      c, 'GET', `/v1/replays/${id}/items?limit=999${cursor}`);
    for (const i of page.items) all.push({ jobId: i.job, outcome: i.fate, ...(i.why === undefined ? {} : { why: i.why }) });
    if (page.next_cursor === undefined) return all;
    cursor = `&cursor=${encodeURIComponent(page.next_cursor)}`;
  }
}

function planned(plan: Plan, dryRun: boolean): ReplayResult {
  return {
    replayId: null, matched: plan.matched, replayed: dryRun ? plan.to_replay : 0, succeeded: 0, failed: 0,
    skipped: plan.matched - plan.to_replay, halted: false, dryRun, items: [],
    ...(plan.refused === undefined ? {} : { says: `${plan.refused.check}: ${plan.refused.says}` }),
  };
}

async function ended(c: Connection, id: string, signal?: AbortSignal): Promise<Replay> {
  for (;;) {
    const r = await call<Replay>(c, 'GET', `/v1/replays/${id}`);
    const over = r.state !== 'planned' && r.state !== 'running' && r.fates.running === 0;
    if (over || (r.state === 'paused')) return r;
    await sleep(POLL_MS, undefined, signal ? { signal } : {});
  }
}

/**
 * Plans, checks and runs a replay, and waits for its end. What a guard refuses is thrown as RepriseProblem with code `refused`; its
 * `problem.check` names the guard. Jobs that may not be repeated, or must be fixed first, are left out and counted in `skipped`.
 */
export async function replayFailedJobs(options: ReplayOptions): Promise<ReplayResult> {
  const c = options.connection ?? {};
  const select = {
    type: options.jobType,
    since: options.startTime.toISOString(),
    ...(options.endTime === undefined ? {} : { until: options.endTime.toISOString() }),
    ...(options.pattern === undefined ? {} : { pattern: await patternOf(c, options.pattern) }),
  };
  const body = { select, ...(options.reason === undefined ? {} : { guard: { reason: options.reason } }) };
  const plan = await call<Plan>(c, 'POST', '/v1/replays', { ...body, dry_run: true });
  if (options.dryRun || plan.to_replay === 0) return planned(plan, options.dryRun);
  const { id } = await call<Replay>(c, 'POST', '/v1/replays', body);
  const r = await ended(c, id, options.signal);
  return {
    replayId: id, matched: r.matched, replayed: r.to_replay, succeeded: r.fates.succeeded,
    failed: r.fates.failed_same + r.fates.failed_new, skipped: r.left_out + r.fates.skipped, halted: r.state === 'halted',
    dryRun: false, ...(r.says === undefined ? {} : { says: r.says }), items: await itemsOf(c, id),
  };
}

export { RepriseProblem };
