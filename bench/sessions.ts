/** The main job: creating a session, running code in it, and finding it among many. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSojourn } from '../src/embedded.js';
import { systemClock, systemFiles, silentLog } from '../src/core/system.js';
import { sqliteStore } from '../src/storage/sqlite/definition.js';
import type { SessionRecord } from '../src/types/session.js';
import { connection } from './connection.js';
import { measure } from './measure.js';
import type { Row } from './measure.js';
import { startBenchServer } from './server.js';

export async function benchSessions(): Promise<Row[]> {
  return [...(await overRest()), ...(await inProcess()), await listing()];
}

async function overRest(): Promise<Row[]> {
  const server = await startBenchServer();
  const { ask, close } = connection(server);
  try {
    const create = await measure(
      { name: 'REST: create session to first result', n: 200, warmUp: 10, goal: 15 },
      async (index) => {
        const id = `create${index < 0 ? `w${-index}` : index}`;
        await ask('POST', '/sessions', { session_id: id });
        await ask('POST', `/sessions/${id}/execute`, { code: '1+1' });
      },
    );
    await ask('POST', '/sessions', { session_id: 'one' });
    const run = await measure({ name: 'REST: 1+1', n: 3000, warmUp: 300, goal: 1.5 }, () =>
      ask('POST', '/sessions/one/execute', { code: '1+1' }),
    );
    return [create, run];
  } finally {
    close();
    await server.stop();
  }
}

async function inProcess(): Promise<Row[]> {
  const dataDir = await mkdtemp(join(tmpdir(), 'sojourn-bench-'));
  const sojourn = await createSojourn({ dataDir });
  try {
    const session = await sojourn.createSession({ sessionId: 'one' });
    return [
      await measure({ name: 'in process: 1+1', n: 5000, warmUp: 500, goal: 0.6 }, () =>
        session.execute('1+1'),
      ),
    ];
  } finally {
    await sojourn.close();
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function listing(): Promise<Row> {
  const dataDir = await mkdtemp(join(tmpdir(), 'sojourn-bench-'));
  await storeSessions(dataDir, 10_000);
  const server = await startBenchServer(dataDir);
  const { ask, close } = connection(server);
  try {
    let cursor = '';
    return await measure(
      { name: 'REST: page of 100 of 10,000 stored sessions', n: 500, warmUp: 50, goal: 5 },
      async () => {
        const page = JSON.parse(await ask('GET', `/sessions?limit=100${cursor && `&cursor=${cursor}`}`)) as {
          next_cursor: string | null;
        };
        cursor = page.next_cursor === null ? '' : encodeURIComponent(page.next_cursor);
      },
    );
  } finally {
    close();
    await server.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

/** As sessions are that have been asleep for long. */
async function storeSessions(dataDir: string, count: number): Promise<void> {
  const store = sqliteStore.create({ dataDir, clock: systemClock, files: systemFiles, log: silentLog });
  await systemFiles.makeDirectory(dataDir);
  await store.open();
  const started = Date.UTC(2026, 0, 1);
  for (let index = 0; index < count; index += 1) {
    const at = new Date(started + index * 1000).toISOString();
    await store.createSession(storedRecord(index, at), {
      session_id: `s${index}`,
      seq: 0,
      at,
      type: 'created',
      kind: 'python',
      owner: 'local',
    });
  }
  await store.dispose();
}

const storedRecord = (index: number, at: string): SessionRecord => ({
  session_id: `s${index}`,
  uid: `bench${String(index).padStart(8, '0')}`,
  name: `session ${index}`,
  kind: 'python',
  description: '',
  tags: ['bench'],
  owner: 'local',
  created_at: at,
  last_activity: at,
  timeout_s: 3600,
  expire_after_s: 0,
  durability: 'os',
  recovery: 'replay',
  isolation: 'process',
  options: {},
  epoch: 1,
  head_seq: 0,
  stored_bytes: 0,
  checkpoint_count: 0,
  head_checkpoint: null,
  branch: 'main',
  parent: null,
  total_executions: 0,
  variable_count: 0,
  failure: null,
  asleep: 'hibernated',
});
