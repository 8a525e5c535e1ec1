/** What the monitor costs: of a call, in memory of each session, and for one scrape. */
import { z } from 'zod';
import { CallWatcher } from '../src/advanced/monitor/call-watcher.js';
import { expose } from '../src/advanced/monitor/exposition.js';
import { processUsage } from '../src/advanced/monitor/process-usage.js';
import { serverReport } from '../src/advanced/monitor/reports.js';
import { SessionMonitor } from '../src/advanced/monitor/session-monitor.js';
import { AnswerKeeper } from '../src/core/answer-keeper.js';
import { Catalogue } from '../src/core/catalogue.js';
import { SessionPool } from '../src/core/session-pool.js';
import { silentLog, systemClock, systemFiles } from '../src/core/system.js';
import { memoryStore } from '../src/storage/memory.js';
import { defineSessionOperation } from '../src/types/operation.js';
import type { CallContext } from '../src/types/operation.js';
import { measure, summarise } from './measure.js';
import type { Row } from './measure.js';

const context: CallContext = { principal: { id: 'local', access: 'admin' }, request_id: 'r' };
const pool = new SessionPool();

/** As many operations as a session kind with many has. */
const operations = Array.from({ length: 60 }, (_, index) =>
  defineSessionOperation({
    name: `operation_${index}`,
    access: 'read',
    summary: 'Does nothing.',
    params: z.strictObject({}),
    result: z.null(),
    handle: () => Promise.resolve(null),
  }),
);

export async function benchMonitor(): Promise<Row[]> {
  return [await callCost(), ...memoryCost(), await scrape()];
}

function catalogue(monitor: SessionMonitor | null): Catalogue {
  const options = { dataDir: '', clock: systemClock, files: systemFiles, log: silentLog };
  const store = memoryStore.create(options);
  const unused = { use: () => Promise.reject(new Error('no session is used')) };
  const made = new Catalogue(unused, new AnswerKeeper(store, systemClock));
  for (const operation of operations) made.register(operation);
  const services = { pool, clock: systemClock, log: silentLog, slowMs: 1000 };
  if (monitor) made.surround(new CallWatcher({ ...services, monitor }).around);
  return made;
}

function monitorWith(sessions: number): SessionMonitor {
  const monitor = new SessionMonitor(systemClock);
  for (let index = 0; index < sessions; index += 1)
    monitor.hear({ type: 'created', session_id: `s${index}`, kind: 'bench', owner: 'local' });
  return monitor;
}

/** Calls with and without it by turns, so that both meet the same machine. */
async function callCost(): Promise<Row> {
  const [plain, watched] = [catalogue(null), catalogue(monitorWith(1))];
  const batch = 2000;
  const time = async (asked: Catalogue) => {
    const started = performance.now();
    for (let index = 0; index < batch; index += 1)
      await asked.call(`operation_${index % 10}`, { session_id: 's0' }, context);
    return ((performance.now() - started) * 1000) / batch;
  };
  const costs: number[] = [];
  for (let round = -20; round < 200; round += 1) {
    const [without, having] = [await time(plain), await time(watched)];
    if (round >= 0) costs.push(having - without);
  }
  return summarise({ name: 'monitor: what it adds to a call', unit: 'µs', goal: 5 }, costs);
}

/** Without --expose-gc the heap is too noisy, and nothing is told. */
function memoryCost(): Row[] {
  const { gc } = globalThis;
  if (!gc) return [];
  const sessions = 10_000;
  const used = () => {
    // Buffers of arrays that the first one finds go with the second.
    for (let round = 0; round < 2; round += 1) gc();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  const before = used();
  const monitor = monitorWith(sessions);
  for (const tally of monitor.tallies(() => true))
    for (const [index, operation] of operations.slice(0, 5).entries())
      for (let call = 0; call < 40; call += 1)
        tally.calls.add({
          operation,
          ms: 2 ** (index + (call % 4)) * 1.1 ** (call % 7),
          code: null,
          at: systemClock.now(),
        });
  const live = used();
  for (let index = 0; index < sessions; index += 1)
    monitor.hear({ type: 'hibernated', session_id: `s${index}`, kind: 'bench', owner: 'local' });
  const asleep = used();
  const row = (name: string, bytes: number, goal: number) =>
    summarise({ name: `monitor: memory of a ${name} session, 5 operations`, unit: 'B', goal }, [
      (bytes - before) / monitor.tallies(() => true).length,
    ]);
  return [row('live', live, 11_000), row('sleeping', asleep, 6000)];
}

async function scrape(): Promise<Row> {
  const monitor = monitorWith(500);
  for (const operation of operations)
    for (let call = 1; call < 100; call += 1)
      monitor.server.add({
        operation,
        ms: call,
        code: call % 9 === 0 ? 'timeout' : null,
        at: systemClock.now(),
      });
  const exposed = () => ({
    report: serverReport({ monitor, pool, engines: new Map() }, null),
    calls: monitor.server,
    storedSessions: 500,
    process: processUsage(),
  });
  return measure({ name: 'monitor: text for Prometheus, 60 operations', n: 200, warmUp: 20, goal: 20 }, () =>
    expose(exposed()),
  );
}
