/**
 * Python sessions as their users meet them: how soon the first result is there, what an idle one costs, how long a
 * checkpoint stops one, and the same work in a Jupyter kernel on the same machine, in the same run.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import { z } from 'zod';
import { connection } from './connection.js';
import { measure, summarise } from './measure.js';
import type { Row } from './measure.js';
import { startBenchServer } from './server.js';

/** The one that has the packages: of the system, unless another is named. */
const executable =
  process.env.SOJOURN_PYTHON_EXECUTABLE ?? (existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3');
const firstUse = `import pandas as pd; pd.DataFrame({'a':[1]}).a.sum()`;
const concurrent = 50;
const gigabyte = 2 ** 30;

export async function benchPython(): Promise<Row[]> {
  if (!(await has('pandas'))) {
    tell(`${executable} has no pandas: nothing of this suite can be measured.`);
    return [];
  }
  return [...(await firstResults()), ...(await checkpointPauses())];
}

type Ask = ReturnType<typeof connection>['ask'];

/** Runs code in a session; an error of the code is one of the benchmark. */
async function run(ask: Ask, id: string, code: string): Promise<void> {
  const answer: unknown = JSON.parse(await ask('POST', `/sessions/${id}/execute`, { code }));
  const { status, output } = z.object({ status: z.string(), output: z.string() }).parse(answer);
  if (status !== 'ok') throw new Error(output);
}

async function createAndUse(ask: Ask, id: string): Promise<void> {
  await ask('POST', '/sessions', { session_id: id });
  await run(ask, id, firstUse);
}

async function firstResults(): Promise<Row[]> {
  const server = await startBenchServer(undefined, { SOJOURN_PYTHON_EXECUTABLE: executable });
  const { ask, close } = connection(server, concurrent);
  try {
    const name = 'REST: create session to first pandas result';
    const first = await measure({ name, n: 60, warmUp: 5 }, (index) => createAndUse(ask, `one${index + 5}`));
    const idle = await privateMemory(ask, 40);
    const many = await manyAtOnce(ask);
    await deleteAll(ask);
    // Alone, as the other's kernel is.
    await createAndUse(ask, 'alone');
    const roundTrip = await measure({ name: 'REST: 1+1', n: 2000, warmUp: 200, goal: 1.5 }, () =>
      run(ask, 'alone', '1+1'),
    );
    const fork = await liveForks(ask);
    await deleteAll(ask);
    const jupyter = await jupyterRows(first, roundTrip);
    return [first, many, idle, roundTrip, fork, ...jupyter];
  } finally {
    close();
    await server.stop();
  }
}

/** The time until the last of many is there. */
async function manyAtOnce(ask: Ask): Promise<Row> {
  const ids = (round: number) => Array.from({ length: concurrent }, (_, index) => `many${round}-${index}`);
  const plan = { name: `REST: ${concurrent} sessions at once, to the last first pandas result`, n: 5 };
  return measure({ ...plan, warmUp: 1 }, (round) =>
    Promise.all(ids(round + 1).map((id) => createAndUse(ask, id))),
  );
}

const pageSchema = z.object({ sessions: z.array(z.object({ session_id: z.string() })) });

async function liveForks(ask: Ask): Promise<Row> {
  await ask('POST', '/sessions', { session_id: 'large' });
  await run(ask, 'large', 'import numpy; a = numpy.ones(25_000_000)');
  const name = 'REST: live fork of a session with a 200 MB array';
  return measure({ name, n: 40, warmUp: 3, goal: 30 }, async (index) => {
    await ask('POST', '/sessions/large/fork', { session_id: `fork${index + 3}`, live: true });
  });
}

async function deleteAll(ask: Ask): Promise<void> {
  const { sessions } = pageSchema.parse(JSON.parse(await ask('GET', '/sessions?limit=1000')));
  for (const { session_id } of sessions) await ask('DELETE', `/sessions/${session_id}`);
}

const healthSchema = z.object({ memory: z.object({ private_bytes: z.number().nullable() }) });

async function privateMemory(ask: Ask, sessions: number): Promise<Row> {
  const megabytes: number[] = [];
  for (let index = 0; index < sessions; index += 1) {
    const { memory } = healthSchema.parse(JSON.parse(await ask('GET', `/sessions/one${index + 5}/health`)));
    if (memory.private_bytes !== null) megabytes.push(memory.private_bytes / 2 ** 20);
  }
  return summarise({ name: 'private memory of an idle session that has used pandas', unit: 'MB' }, megabytes);
}

const jupyterSchema = z.object({ start_ms: z.array(z.number()), round_trip_ms: z.array(z.number()) });

async function jupyterRows(first: Row, roundTrip: Row): Promise<Row[]> {
  if (!(await has('jupyter_client, ipykernel'))) {
    tell('No Jupyter kernel here (apt-get install python3-ipykernel python3-jupyter-client): not compared.');
    return [];
  }
  const script = new URL('./jupyter.py', import.meta.url).pathname;
  const { stdout } = await promisify(execFile)(executable, [script, firstUse, '10', '500']);
  const found = jupyterSchema.parse(JSON.parse(stdout));
  const start = summarise({ name: 'Jupyter: start kernel to first pandas result' }, found.start_ms);
  const trip = summarise({ name: 'Jupyter: 1+1' }, found.round_trip_ms);
  return [
    start,
    trip,
    ratio('Jupyter / Sojourn: to the first pandas result', start, first, 60),
    ratio('Jupyter / Sojourn: 1+1', trip, roundTrip, 3),
  ];
}

/** Of the medians, and of what is worse than all but one in a hundred. */
const ratio = (name: string, theirs: Row, ours: Row, goalAtLeast: number): Row => ({
  name,
  p50: theirs.p50 / ours.p50,
  p99: theirs.p99 / ours.p99,
  n: Math.min(theirs.n, ours.n),
  unit: '×',
  goalAtLeast,
});

const states = [
  ['numpy arrays', `import numpy as np\nstate = {i: np.random.rand(2 ** 20) for i in range(128)}`],
  // A dictionary with two entries, a number and a text take about 300 bytes together.
  [
    'Python objects',
    `state = [{'number': i, 'text': 'text %d' % i} for i in range(${Math.round(gigabyte / 300)})]`,
  ],
] as const;

async function checkpointPauses(): Promise<Row[]> {
  const server = await startBenchServer(undefined, {
    SOJOURN_PYTHON_EXECUTABLE: executable,
    SOJOURN_LIMITS_VARIABLE_BYTES: String(2 * gigabyte),
    SOJOURN_LIMITS_SESSION_BYTES: String(4 * gigabyte),
    // Only what is asked for is saved.
    SOJOURN_CHECKPOINT_INTERVAL_MS: '1000000000',
  });
  const { ask, close } = connection(server, 2);
  try {
    const rows: Row[] = [];
    for (const [index, [name, code]] of states.entries()) {
      const id = `state${index}`;
      await ask('POST', '/sessions', { session_id: id });
      await run(ask, id, code);
      rows.push(...(await pausesOf(ask, id, `1 GB of ${name}`)));
      await ask('DELETE', `/sessions/${id}`);
    }
    return rows;
  } finally {
    close();
    await server.stop();
  }
}

async function pausesOf(ask: Ask, id: string, what: string): Promise<Row[]> {
  const gaps: number[] = [];
  const quiet: number[] = [];
  const saves: number[] = [];
  for (let round = 0; round < 3; round += 1) {
    await run(ask, id, `changed = ${round}`);
    quiet.push(await longestGap(ask, id, pause(1000)));
    const started = performance.now();
    gaps.push(await longestGap(ask, id, ask('POST', `/sessions/${id}/save`)));
    saves.push(performance.now() - started);
  }
  return [
    summarise({ name: `longest gap in 1+1 beside ${what}` }, quiet),
    summarise({ name: `longest gap in 1+1 while ${what} is saved` }, gaps),
    summarise({ name: `the whole of saving ${what}` }, saves),
  ];
}

/** Runs 1+1 again and again until `work` has ended; the slowest of all. */
async function longestGap(ask: Ask, id: string, work: Promise<unknown>): Promise<number> {
  let isOver = false;
  const over = work.finally(() => {
    isOver = true;
  });
  let longest = 0;
  while (!isOver) {
    const started = performance.now();
    await run(ask, id, '1+1');
    longest = Math.max(longest, performance.now() - started);
  }
  await over;
  return longest;
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const has = (modules: string) =>
  promisify(execFile)(executable, ['-c', `import ${modules}`]).then(
    () => true,
    () => false,
  );

/** Beside the table, which may be read by a program. */
const tell = (line: string) => process.stderr.write(`${line}\n`);
