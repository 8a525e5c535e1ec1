/**
 * A table of a million rows as its users meet it: how soon it is there, how soon an answer is, how little travels; and
 * the same work in pandas, on the same machine and in the same run.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { connection } from './connection.js';
import { inDuckdb } from './data-duckdb.js';
import { measure, summarise } from './measure.js';
import type { Row } from './measure.js';
import { writeSales } from './sales-csv.js';
import { startBenchServer } from './server.js';
import type { BenchServer } from './server.js';

const rows = 1_000_000;
const largeBytes = 5 * 1024 ** 3;
const gigabyte = 1024 ** 3;
const pageRows = 10_000;

export async function benchData({ large }: { large: boolean }): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'sojourn-bench-data-'));
  try {
    await writeSales(join(folder, 'sales.csv'), rows);
    const own = await overRest(folder);
    const duckdb = beside('DuckDB', await inDuckdb(join(folder, 'sales.csv')), own);
    const pandas = await inPandas(join(folder, 'sales.csv'), own);
    return [...own.values(), ...duckdb, ...pandas, ...(large ? await largeTable(folder) : [])];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

type Connection = ReturnType<typeof connection>;

/** By the name that the work has in pandas too. */
async function overRest(folder: string): Promise<Map<string, Row>> {
  const server = await startBenchServer(undefined, { SOJOURN_DATA_ROOTS: folder });
  const connected = connection(server);
  try {
    const found = new Map([['create', await creation(connected)]]);
    for (const [name, row] of await reading(connected)) found.set(name, row);
    for (const [name, row] of await changing(connected)) found.set(name, row);
    return found;
  } finally {
    connected.close();
    await server.stop();
  }
}

const source = (name: string) => ({
  data_source: { type: 'csv', filename: name, directory: '.', index: 'id' },
});

/** Each is deleted before the next one begins: what is loaded is kept at once, and that takes its time too. */
async function creation({ ask }: Connection): Promise<Row> {
  const times: number[] = [];
  for (let round = 0; round <= 7; round += 1) {
    const started = performance.now();
    await ask('POST', '/sessions', { session_id: 'created', ...source('sales.csv') });
    times.push(performance.now() - started);
    await ask('DELETE', '/sessions/created');
  }
  await ask('POST', '/sessions', { session_id: 'sales', ...source('sales.csv') });
  // The first is the warm-up.
  return summarise({ name: 'create from csv, 43 MB', goal: 500 }, times.slice(1));
}

async function reading(connected: Connection): Promise<[string, Row][]> {
  const { ask } = connected;
  const call = (operation: string, params: object) => ask('POST', `/sessions/sales/${operation}`, params);
  const columns = ['name', 'age', 'amount', 'city'];
  const random = () => Math.floor(Math.random() * rows);
  const value = (index: number) => ({ index: random(), column: columns[Math.abs(index) % columns.length] });
  const point = { name: 'REST: get_value', n: 10_000, warmUp: 2000, goal: 0.4 };
  const slice = { name: 'REST: get_slice of 100 rows', n: 2000, warmUp: 200, goal: 1 };
  const some = { name: 'REST: filter to 1 %', n: 50, warmUp: 5, goal: 15 };
  const stats = { name: 'REST: get_stats of numbers', n: 50, warmUp: 5, goal: 80 };
  return [
    ['get_value', await measure(point, (index) => call('get_value', value(index)))],
    ['get_slice', await measure(slice, () => call('get_slice', within(random(), 100)))],
    ['filter', await measure(some, () => call('filter', { column: 'amount', operator: '>', value: 9900 }))],
    ['get_stats', await measure(stats, () => call('get_stats', { column: 'amount' }))],
    ['transfer', await transfer(connected)],
  ];
}

const within = (start: number, count: number) => {
  const first = Math.min(start, rows - count);
  return { start: first, end: first + count };
};

/** How often the answer of a get_value, its head included, goes into the whole table as JSON. */
async function transfer({ ask, bytesRead }: Connection): Promise<Row> {
  const bytesOf = async (work: () => Promise<unknown>) => {
    const before = bytesRead();
    await work();
    return bytesRead() - before;
  };
  const one = await bytesOf(() => ask('POST', '/sessions/sales/get_value', { index: 77, column: 'age' }));
  const whole = await bytesOf(async () => {
    for (let start = 0; start < rows; start += pageRows)
      await ask('POST', '/sessions/sales/get_slice', within(start, pageRows));
  });
  const share = whole / one;
  const name = `whole table as JSON (${Math.round(whole / 1e6)} MB) / a get_value (${one} bytes)`;
  return { name, p50: share, p99: share, n: 1, unit: '×', goalAtLeast: 100_000 };
}

/** Each sort is undone, so that all of them begin with the same table. */
async function changing({ ask }: Connection): Promise<[string, Row][]> {
  const times = { sort: [] as number[], undo: [] as number[] };
  const timed = async (operation: 'sort' | 'undo', params: object) => {
    const started = performance.now();
    await ask('POST', `/sessions/sales/${operation}`, params);
    times[operation].push(performance.now() - started);
  };
  for (let round = 0; round <= 10; round += 1) {
    await timed('sort', { column: 'amount', ascending: round % 2 === 0 });
    await timed('undo', {});
  }
  // The first of each is the warm-up.
  return [
    ['sort', summarise({ name: 'REST: sort', goal: 300 }, times.sort.slice(1))],
    ['undo', summarise({ name: 'REST: undo of a sort', goal: 2 }, times.undo.slice(1))],
  ];
}

const pandasSchema = z.object({ version: z.string(), ms: z.record(z.string(), z.number()) });

/** How many times longer the work takes in what has no wire in between, nor forms of answers; below 1 it is faster. */
function beside(other: string, ms: Readonly<Record<string, number>>, own: ReadonlyMap<string, Row>): Row[] {
  return Object.entries(ms).flatMap(([name, time]) => {
    const ours = own.get(name);
    const label = `${other}: ${name} ${time.toFixed(3)} ms / Sojourn over REST`;
    const ratio = ours === undefined ? 0 : time / ours.p50;
    return ours === undefined ? [] : [{ name: label, p50: ratio, p99: ratio, n: 1, unit: '×' }];
  });
}

async function inPandas(path: string, own: ReadonlyMap<string, Row>): Promise<Row[]> {
  const script = new URL('data_pandas.py', import.meta.url).pathname;
  const named = process.env.SOJOURN_PYTHON_EXECUTABLE;
  const run = promisify(execFile);
  for (const python of [...(named === undefined ? [] : [named]), 'python3', 'python', '/usr/bin/python3']) {
    const answer = await run(python, [script, path]).catch(() => null);
    if (!answer) continue;
    const { version, ms } = pandasSchema.parse(JSON.parse(answer.stdout));
    return beside(`pandas ${version}`, ms, own);
  }
  process.stderr.write('No Python here has pandas: nothing is compared with it.\n');
  return [];
}

/** Five gigabytes under one: what does not fit goes to the disk. */
async function largeTable(folder: string): Promise<Row[]> {
  const perRow = 43;
  await writeSales(join(folder, 'large.csv'), Math.round(largeBytes / perRow));
  const server = await startBenchServer(undefined, {
    SOJOURN_DATA_ROOTS: folder,
    SOJOURN_DATA_MEMORY_BYTES: String(gigabyte),
    SOJOURN_DATA_LOAD_TIMEOUT_S: '0',
  });
  const { ask, close } = connection(server);
  try {
    const created = await measure({ name: 'create from csv, 5 GB within 1 GB', n: 1 }, () =>
      ask('POST', '/sessions', { session_id: 'large', ...source('large.csv') }),
    );
    const stats = await measure({ name: 'get_stats of it', n: 3 }, () =>
      ask('POST', '/sessions/large/get_stats', { column: 'amount' }),
    );
    return [created, stats, await peakMemory(server)];
  } finally {
    close();
    await server.stop();
  }
}

const runtimeSchema = z.object({ pid: z.number() });

/** Of the whole server, as the system has counted it. */
async function peakMemory({ dataDir }: BenchServer): Promise<Row> {
  const { pid } = runtimeSchema.parse(JSON.parse(await readFile(join(dataDir, 'runtime.json'), 'utf8')));
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const peak = Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? Number.NaN) / 1024;
  return { name: 'most memory that the server took', p50: peak, p99: peak, n: 1, unit: 'MB' };
}
