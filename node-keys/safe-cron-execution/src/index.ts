/**
 * The runbook's own calls, against a running Reprise daemon:
 *
 *     await replayFailedJobs({ jobType: 'reconciliation', startTime: new Date(Date.now() - 864e5), dryRun: false });
 *     await safeCronExecute({ jobId: 'nightly-report', jobFunction: run, lockTimeoutSeconds: 60 });
 */
export { RepriseProblem, type Connection } from './client.js';
export { replayFailedJobs, type ReplayedItem, type ReplayOptions, type ReplayResult } from './replay.js';
export { LockLost, safeCronExecute, type ExecuteOptions, type ExecuteResult, type RunContext } from './execute.js';
