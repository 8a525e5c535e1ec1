/** Time travel in a session with ten thousand checkpoints, in process: the cost of the timeline itself. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSojourn } from '../src/embedded.js';
import type { ISession, ISojourn } from '../src/types/client.js';
import { measure } from './measure.js';
import type { Row } from './measure.js';

const checkpoints = 10_000;

export async function benchTimeline(): Promise<Row[]> {
  const dataDir = await mkdtemp(join(tmpdir(), 'sojourn-bench-'));
  const sojourn = await createSojourn({
    dataDir,
    plugins: ['./examples/tally-engine.ts'],
    timeline: { keepLastCount: 0 },
    checkpoint: { everyWrites: 1 },
  });
  try {
    const session = await sojourn.createSession({ kind: 'tally', sessionId: 'one' });
    return [...(await writes(session)), ...(await reads(session)), ...(await travels(sojourn, session))];
  } finally {
    await sojourn.close();
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function writes(session: ISession): Promise<Row[]> {
  const row = await measure({ name: 'a write and its checkpoint', n: checkpoints }, async (index) => {
    const { seq } = await session.execute('1');
    if (index % 100 === 0) await session.timeline.annotate(seq + 2, { label: `step ${index}` });
  });
  return [row];
}

async function reads(session: ISession): Promise<Row[]> {
  return [
    await measure({ name: 'timeline: the newest 1,000 of 10,000', n: 50, warmUp: 2, goal: 20 }, () =>
      session.timeline.read({ limit: 1000 }),
    ),
    await measure({ name: 'timeline: all 10,000', n: 20, warmUp: 2, goal: 20 }, () =>
      session.timeline.read({ limit: 10_000 }),
    ),
    await measure({ name: 'find by label among 10,000', n: 50, warmUp: 2, goal: 20 }, () =>
      session.timeline.find({ label: 'step 4.00$' }),
    ),
    await measure({ name: 'annotate one of 10,000', n: 50, goal: 20 }, async (index) => {
      const { checkpoints: page } = await session.timeline.read({ limit: 100 });
      await session.timeline.annotate(page[index]?.seq ?? 0, { tags: ['seen'] });
    }),
  ];
}

async function travels(sojourn: ISojourn, session: ISession): Promise<Row[]> {
  const { checkpoints: all } = await session.timeline.read({ limit: 10_000 });
  const anySeq = () => all[Math.floor(Math.random() * all.length)]?.seq ?? 0;
  const goto = await measure({ name: 'goto any of 10,000', n: 100, warmUp: 2, goal: 20 }, () =>
    session.goto(anySeq()),
  );
  const forks: string[] = [];
  const fork = await measure({ name: 'fork at any of 10,000', n: 100, warmUp: 2, goal: 10 }, async () => {
    forks.push((await session.fork(undefined, { atSeq: anySeq() })).id);
  });
  let next = 0;
  const wake = await measure({ name: 'the first write of such a fork', n: 100 }, () =>
    sojourn.session(forks[next++] ?? '').execute('1'),
  );
  return [goto, fork, wake];
}
