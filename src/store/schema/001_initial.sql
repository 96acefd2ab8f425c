-- Schema 1 of the embedded store. Times are integer microseconds UTC; enums are small integers with a name table; the views
-- (jobs_v, attempts_v, …) are for people: sqlite3 reprise.db 'select * from jobs_v'.
create table meta(key text primary key, value text not null) without rowid;

create table state_name(id integer primary key, name text not null unique);
create table outcome_name(id integer primary key, name text not null unique);
create table verdict_name(id integer primary key, name text not null unique);
create table replay_state_name(id integer primary key, name text not null unique);
create table fate_name(id integer primary key, name text not null unique);

create table queue(
  id integer primary key, name text not null unique,
  max_running integer not null default 0, weight integer not null default 1,
  paused_at integer, paused_by text, paused_why text);

create table job_type(
  id integer primary key, name text not null unique,
  configured integer not null default 0,  -- in the configuration in force
  external integer not null default 0,    -- only known from exec, imports
  command integer not null default 0,     -- runs as a command; else workers fetch it
  max_running integer not null default 0,
  critical integer not null default 0,
  held text,                              -- why its jobs wait (missing command); dependencies are in type_need
  paced_at integer not null default 0,    -- rate: when the next start would be on time (core/pace.h)
  seen_at integer not null);

create table dependency(
  name text primary key, kind text not null, target text not null,
  active integer not null default 1, state integer not null default 0,  -- 0 unknown, 1 up, 2 down
  since integer, checked_at integer, latency_us integer, says text,
  paced_at integer not null default 0,
  connections_free integer not null default 0) without rowid;           -- 0: not known
create table type_need(
  type_id integer not null references job_type(id), dependency text not null references dependency(name),
  primary key(type_id, dependency)) without rowid;
create table dependency_check(           -- changes of state only
  id integer primary key, dependency text not null, at integer not null, state integer not null, says text);
create index dependency_check_at on dependency_check(dependency, at);

create table pattern(
  id integer primary key, hash integer not null unique, template text not null,
  class text not null, grp text not null, action text not null, rule text not null,
  class_by_person text, name text,
  first_at integer not null, last_at integer not null, failures integer not null default 0,
  joined integer references pattern(id),   -- the pattern that it is part of now (one hop); null: it stands for itself
  apart integer not null default 0,        -- a person split it off: the miner never joins it again
  -- Two levels. A message that wraps others is a row that no failure counts on (failures 0, first_at endless, last_at 0), with the
  -- place of its wildcard that stands for what it wraps. Its patterns name it, and the template of what they wrap.
  hole integer, outer_id integer references pattern(id), inner text);
create index pattern_joined on pattern(joined) where joined is not null;
create index pattern_outer on pattern(outer_id, class) where outer_id is not null;
create index pattern_hole on pattern(id) where hole is not null;
-- The second key of failures with a stack trace: where they were thrown, the three nearest frames of their own code.
create table pattern_stack(
  pattern_id integer not null references pattern(id), hash integer not null, frames text not null,
  failures integer not null, last_at integer not null, primary key(pattern_id, hash)) without rowid;
-- The masked lines that the miner knows. Rows keep the pattern that a line was born with: whoever reads asks for `joined`.
create table pattern_form(
  hash integer primary key, pattern_id integer not null references pattern(id),
  rules integer not null, form blob not null);  -- empty: not for the miner

-- How the next try went of a job that had failed with a pattern, by day: what a replay of the pattern can expect.
create table pattern_tried(
  pattern_id integer not null references pattern(id), replayed integer not null, succeeded integer not null, day integer not null,
  n integer not null, primary key(pattern_id, replayed, succeeded, day)) without rowid;

create table schedule(
  id integer primary key, name text not null unique, type_id integer not null references job_type(id),
  expr text not null, zone text not null, active integer not null default 1,
  zone_rules integer not null default 0, -- what the zone said when next_at was computed (rp_zone_rules)
  next_at integer not null,              -- 9223372036854775807: none
  anchor_at integer not null default 0,  -- last planned instant (@every)
  last_at integer, paused_at integer, paused_by text, paused_why text,
  -- A gap in which nothing fired, while it is being worked off: instants up to gap_to (0: none), found at gap_at; its verdict
  -- (missed, or what all of its instants get), the job that stands for it, how many got one.
  gap_to integer not null default 0, gap_at integer, gap_verdict integer, gap_job integer, gap_n integer, gap_why text);
create index schedule_due on schedule(next_at) where active = 1;

create table job(
  id integer primary key autoincrement,
  type_id integer not null references job_type(id), queue_id integer not null references queue(id),
  state integer not null, priority integer not null default 0,
  key text, payload blob, labels text,
  attempts integer not null default 0,     -- burned ones
  max_attempts integer not null,
  last_n integer not null default 0,       -- number of the newest attempt
  interrupted_n integer not null default 0, lost_n integer not null default 0, poison integer not null default 0,
  created_at integer not null, due_at integer not null, started_at integer, ended_at integer,
  error text, error_class text, pattern_id integer references pattern(id),
  schedule_id integer references schedule(id), instant integer, manual integer not null default 0,
  alone integer not null default 0,        -- not claimed while another job of its schedule runs (overlap)
  replay_id integer, external_id text,
  outside integer not null default 0,      -- run by exec or imported: the store never queues it again by itself
  purged integer not null default 0);      -- the purge that took its payload and outputs
-- The claim path reads live rows only: its cost does not depend on history.
create index job_ready on job(queue_id, type_id, priority desc, due_at) where state = 2;
create index job_due on job(due_at) where state in (1, 4);
-- Live: state < 5. (With more than two values SQLite would build a table for `in` at every row.)
create unique index job_key on job(type_id, key) where key is not null and state < 5;
create index job_failed on job(type_id, ended_at, state) where state in (6, 8);
create index job_failed_at on job(ended_at) where state in (6, 8);
-- … and by id, as lists are; what a list asks for mostly is there too, so that rows which it passes over are not read.
-- The further term, which only those lists have, keeps SQLite from taking it where time decides.
create index job_unresolved on job(state, id, type_id, ended_at) where state in (6, 8) and state > 5;
create index job_cancelled on job(ended_at) where state = 7;
create index job_pattern on job(pattern_id, id) where pattern_id is not null;
create index job_by_type on job(type_id, id);
create index job_by_schedule on job(schedule_id, id) where schedule_id is not null;
create index job_live_schedule on job(schedule_id, state) where schedule_id is not null and state < 5;
create index job_manual on job(schedule_id, instant) where manual = 1;
create index job_by_replay on job(replay_id, id) where replay_id is not null;
create index job_external on job(type_id, external_id) where external_id is not null;
create index job_purged on job(id) where purged > 0;
create index job_by_key on job(type_id, key, id) where key is not null;
-- How many jobs there are by state, type and queue, kept with every move (tally.c), so that counts cost the same with any history.
-- Only what waits, runs or is unresolved; hour: of ended_at for the unresolved (6, 8), else 0.
create table tally(
  state integer not null, type_id integer not null, queue_id integer not null, hour integer not null, n integer not null,
  primary key(state, type_id, queue_id, hour)) without rowid;
-- The lowest id that was given in an hour: a window of time becomes a range of ids.
create table job_hour(hour integer primary key, first_id integer not null);

-- Jobs that wait for a dependency because their failure was its fault (U11), from the first such failure until they end or fail
-- in another way. phase 0: it is not known yet whether the dependency was down; 1: held; 2: let out again, queued or running.
create table hold(
  job_id integer primary key references job(id), type_id integer not null references job_type(id), dependency text not null,
  since integer not null,                -- of the first failure
  failed_at integer not null, phase integer not null);
create index hold_lane on hold(phase, type_id, job_id);
-- How a type comes back: the size of the wave that is out (0: none), how many waves in a row came back, when the next may go.
create table hold_wave(
  type_id integer primary key references job_type(id), size integer not null, returned integer not null,
  not_before integer not null);

-- Attempts that have ended; one that runs is its lease.
create table attempt(
  job_id integer not null references job(id), n integer not null,
  outcome integer not null, node text, worker text,
  started_at integer not null, ended_at integer, duration_us integer,
  exit_code integer, signal integer, ended_by text, cpu_us integer, memory_peak integer, survivors text,
  error text, error_class text, rule text, contract text, pattern_id integer references pattern(id),
  replay_id integer, output_bytes integer not null default 0, output_dropped integer not null default 0,
  contract_bytes integer, result text,
  held text,                             -- the dependency whose fault it was: it does not count
  memory_limit integer,
  primary key(job_id, n)) without rowid;
create table output(
  job_id integer not null, n integer not null, packed blob not null, primary key(job_id, n));

create table lease(
  id integer primary key autoincrement,  -- rises: the fencing number
  job_id integer not null unique references job(id), n integer not null, token integer not null,
  node text not null, worker text not null, started_at integer not null, deadline integer not null,
  output_bytes integer not null default 0, -- captured so far
  command integer not null default 0,    -- 1: a process of the node's own executor
  kill integer not null default 0);      -- 1: an operator asks for its end; 2: overlap replace
create index lease_deadline on lease(deadline);
create index lease_kill on lease(kill) where kill > 0;

create table run_lock(
  name text primary key, lease_id integer not null, fence integer not null, since integer not null) without rowid;

create table occurrence(
  schedule_id integer not null references schedule(id), instant integer not null,
  verdict integer not null, job_id integer, decided_at integer not null, why text,
  primary key(schedule_id, instant)) without rowid;

create table rollup(
  minute integer not null, type_id integer not null, queue_id integer not null default 0, outcome integer not null, final integer not null,
  pattern_id integer not null default 0, n integer not null,
  primary key(minute, type_id, queue_id, outcome, final, pattern_id)) without rowid;

create table replay(
  id integer primary key, state integer not null, selection text not null, actor text not null, reason text, says text,
  plan_hash text not null, canary integer not null, wave_max integer not null, rate real not null default 0,
  matched integer not null, left_out integer not null, wave integer not null default 0,
  created_at integer not null, started_at integer,
  ended_at integer,                      -- null while an item may still end
  free_at integer not null default 0,    -- by its rate no item goes out before
  kind integer not null default 0,       -- 0 of many, 1 the retry of one job, 2 takes back what another did
  compensates integer,                   -- … that one
  retries integer not null default 0,    -- tries of an item after its first
  payload_set text,                      -- what it changes in payloads: {pointer: value}
  -- How fast it goes, from two looks back: items that had ended at a time (0: no look yet).
  from_at integer not null default 0, from_done integer not null default 0,
  kept_at integer not null default 0, kept_done integer not null default 0,
  summed_to integer not null default 0,  -- items up to that one are in replay_sum
  to_sum integer not null default 0,     -- 1: it has ended, and others are to follow
  -- How far it was when it was last resumed after a halt: what is counted from there makes the new canary and waves.
  from_wave integer not null default 0, from_out integer not null default 0, from_ended integer not null default 0,
  from_failed integer not null default 0);
create index replay_compensates on replay(compensates) where compensates is not null;
create index replay_to_sum on replay(id) where to_sum = 1;
create index replay_live on replay(id) where ended_at is null;
create index replay_standing on replay(id) where ended_at is null and state > 2 and state <> 5;
create table replay_item(
  replay_id integer not null references replay(id), seq integer not null, job_id integer not null, type_id integer not null,
  state_before integer not null, n_before integer not null, attempts_before integer not null, max_attempts_before integer not null,
  ended_before integer, due_before integer not null, pattern_before integer, class_before text, replay_before integer,
  payload_hash integer not null, settings_hash integer not null,  -- 0: none
  wave integer, fate integer not null, pattern_after integer, why text,
  risk integer not null default 0,       -- of a repeat: 0 none, 1 safe, 2 unknown, 3 partial
  sequence text,                         -- its label: those of one run one after another, by job_id
  key text, payload blob,                -- what its attempts get instead of the job's own
  changed text,                          -- how that payload differs: [{path, before, after}]
  primary key(replay_id, seq)) without rowid;
create index replay_item_job on replay_item(job_id);
create index replay_item_sequence on replay_item(replay_id, sequence, job_id) where sequence is not null;
create index replay_item_open on replay_item(replay_id, fate, seq) where fate in (1, 2);
create table replay_tally(
  replay_id integer not null, fate integer not null, type_id integer not null, n integer not null,
  primary key(replay_id, fate, type_id)) without rowid;
-- The queues of its items' jobs: while live jobs wait too long in one of them, nothing goes out.
create table replay_queue(replay_id integer not null, queue_id integer not null, primary key(replay_id, queue_id)) without rowid;
-- Items that were let out and whose jobs have ended since: written with the job's end, taken away when their fate is settled.
create table replay_ended(replay_id integer not null, seq integer not null, primary key(replay_id, seq)) without rowid;

-- Items of a replay that has ended, summed up behind its end (replay_sums.c). Patterns as in the items, 0: none.
create table replay_sum(
  replay_id integer not null, pattern_before integer not null, fate integer not null, pattern_after integer not null,
  n integer not null, primary key(replay_id, pattern_before, fate, pattern_after)) without rowid;

-- The halt test: what is acceptable, and how many outcomes there were when each wave began. lost: attempts that ended without a
-- word and were run again; spared: outcomes that only this daemon's own death made unknown; running: items that have started and
-- have no fate yet (replay_started.c). live_seen_at: when live jobs of its types were last compared with before.
create table replay_test(
  replay_id integer primary key references replay(id), baseline real not null, p0 real not null, alpha real not null,
  lost integer not null default 0, spared integer not null default 0, running integer not null default 0,
  live_seen_at integer not null default 0);
create table replay_wave(
  replay_id integer not null references replay(id), wave integer not null, began_at integer not null,
  ended integer not null, failed integer not null,
  running integer not null default 0,    -- started before it, without an outcome then
  primary key(replay_id, wave)) without rowid;
-- From which minute on live jobs of a type are compared with before, and how many of the replay's own had ended by then.
create table replay_beside(
  replay_id integer not null references replay(id), type_id integer not null, minute integer not null,
  ended integer not null, failed integer not null, primary key(replay_id, type_id)) without rowid;
-- Jobs that take back what an attempt of a replay did, with the key that it had. It stays when a purge takes the job: what was
-- taken back is not taken back again.
create table compensation(
  job_id integer primary key, of_job integer not null, of_n integer not null, of_replay integer not null,
  of_key text,
  made_for integer not null);            -- the replay that it was made for: until that is whole, its job is to run
create index compensation_of on compensation(of_job, of_replay);
-- What was gone past by name: reasons to leave out with the number of jobs, checks with 0. left_out: what was not.
create table replay_forced(
  replay_id integer not null references replay(id), name text not null, n integer not null,
  primary key(replay_id, name)) without rowid;
create table replay_left_out(
  replay_id integer not null references replay(id), name text not null, n integer not null,
  primary key(replay_id, name)) without rowid;
-- Attempts of its types in the time before its start, and how many of the start's own minute lie before it.
create table replay_rate(
  replay_id integer not null references replay(id), type_id integer not null, minute integer not null,
  runs_before integer not null, failed_before integer not null, runs_minute integer not null, failed_minute integer not null,
  primary key(replay_id, type_id)) without rowid;
-- What is planned and started by itself once all that is given here holds: dependency (kind 1) or deploy (2), time.
create table replay_parked(
  replay_id integer primary key references replay(id), kind integer not null, name text, at integer, expires_at integer not null,
  request text not null, tried_at integer not null default 0, released_at integer);
-- Settings of types that hold instead of the configuration's until they are taken back: by hand, at revert_at, or with their type.
create table change(
  id integer primary key, type text not null, at integer not null, actor text not null, reason text not null, revert_at integer,
  ended_at integer, ended_by text, ended_why text);
create index change_active on change(revert_at) where ended_at is null;
create table change_setting(
  change_id integer not null references change(id), key text not null, before text not null, after text not null,
  primary key(change_id, key)) without rowid;
create table deploy(
  id integer primary key, type_id integer not null references job_type(id), at integer not null, version text,
  actor text not null, reason text);
create index deploy_type on deploy(type_id, at);

-- Deletions and restores, each a row, so that a killed daemon goes on with it. kind: 1 jobs, 2 payloads, 3 restore; state: 1 the
-- backup is written or checked, 2 rows go or come, 3 done, 4 failed.
create table purge(
  id integer primary key, kind integer not null, dry integer not null default 0, state integer not null default 1,
  file text not null, sha256 text, of_purge integer, selection text, plan text, actor text not null, reason text, says text,
  jobs integer not null default 0, rows integer not null default 0, moved integer not null default 0, kept integer not null default 0,
  at_job integer not null default 0, created_at integer not null, ended_at integer);
create index purge_open on purge(id) where ended_at is null;

create table node(
  name text primary key, pid integer not null, started_at integer not null, seen_at integer not null,
  stopped_at integer) without rowid;
create table worker(
  name text not null, type text not null,  -- '*': any
  seen_at integer not null, primary key(name, type)) without rowid;
create index worker_seen on worker(seen_at);
create table downtime(
  id integer primary key, from_at integer not null, to_at integer not null, why text not null);

create table token(
  id integer primary key, name text not null, hash blob not null unique, scope integer not null,
  created_at integer not null, expires_at integer, last_used_at integer, revoked_at integer);

create table idempotency(
  key text primary key, request_hash integer not null, status integer not null, body blob not null,
  at integer not null) without rowid;
create index pattern_recent on pattern(last_at);
create index idempotency_at on idempotency(at);
create table spool(id text primary key, at integer not null) without rowid;
create index spool_at on spool(at);

create table audit(
  id integer primary key, at integer not null, actor text not null, action text not null, object text not null,
  safety text not null, detail text);
create index audit_plan on audit(object) where action = 'replay.plan'; -- a plan by its hash

create view jobs_v as
  select j.id, t.name as type, s.name as state, q.name as queue, j.priority, j.key, j.attempts, j.max_attempts,
    strftime('%Y-%m-%d %H:%M:%f', j.created_at / 1e6, 'unixepoch') as created_utc,
    strftime('%Y-%m-%d %H:%M:%f', j.due_at / 1e6, 'unixepoch') as due_utc,
    strftime('%Y-%m-%d %H:%M:%f', j.ended_at / 1e6, 'unixepoch') as ended_utc,
    j.error_class, j.error, cast(j.payload as text) as payload, j.labels, c.name as schedule, j.replay_id,
    (select coalesce(p.joined, p.id) from pattern p where p.id = j.pattern_id) as pattern_id
  from job j join job_type t on t.id = j.type_id join queue q on q.id = j.queue_id join state_name s on s.id = j.state
    left join schedule c on c.id = j.schedule_id;
create view attempts_v as
  select a.job_id, a.n, t.name as type, o.name as outcome,
    strftime('%Y-%m-%d %H:%M:%f', a.started_at / 1e6, 'unixepoch') as started_utc,
    strftime('%Y-%m-%d %H:%M:%f', a.ended_at / 1e6, 'unixepoch') as ended_utc,
    round(a.duration_us / 1e6, 3) as seconds, a.exit_code, a.signal, a.ended_by, a.error_class, a.error, a.node, a.worker,
    a.replay_id, (select coalesce(p.joined, p.id) from pattern p where p.id = a.pattern_id) as pattern_id
  from attempt a join job j on j.id = a.job_id join job_type t on t.id = j.type_id
    left join outcome_name o on o.id = a.outcome
  union all
  select l.job_id, l.n, t.name, 'running', strftime('%Y-%m-%d %H:%M:%f', l.started_at / 1e6, 'unixepoch'),
    null, null, null, null, null, null, null, l.node, l.worker, j.replay_id, null
  from lease l join job j on j.id = l.job_id join job_type t on t.id = j.type_id;
create view occurrences_v as
  select c.name as schedule, strftime('%Y-%m-%d %H:%M:%S', o.instant / 1e6, 'unixepoch') as instant_utc, v.name as verdict, o.job_id,
    o.why
  from occurrence o join schedule c on c.id = o.schedule_id join verdict_name v on v.id = o.verdict;
create view audit_v as
  select id, strftime('%Y-%m-%d %H:%M:%f', at / 1e6, 'unixepoch') as at_utc, actor, action, object, safety, detail from audit;
