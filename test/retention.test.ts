/** Thinning of checkpoints: what stays, while others write, and when the process is killed in the midst of it. */
import { spawn } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import fc from 'fast-check';
import { z } from 'zod';
import { expendable } from '../src/advanced/timeline/retention.js';
import { silentLog, systemClock, systemFiles } from '../src/core/system.js';
import { sqliteStore } from '../src/storage/sqlite/definition.js';
import type { ISession } from '../src/types/client.js';
import type { CheckpointNode, ISessionStore } from '../src/types/store.js';
import { DrivenClock } from './support/driven-clock.js';
import { until } from './support/session-words.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { openWorld } from './support/world.js';

const child = fileURLToPath(new URL('support/prune-until-killed.ts', import.meta.url));
const now = Date.parse('2026-06-01T00:00:00Z');
const day = 86_400_000;
const at = (dataDir: string): ISessionStore =>
  sqliteStore.create({ dataDir, clock: systemClock, log: silentLog, files: systemFiles });

/** Everything in the folder of parts, by hash. */
async function storedParts(dataDir: string): Promise<string[]> {
  const folder = join(dataDir, 'parts');
  const shards = (await readdir(folder)).filter((name) => name.length === 2);
  return (await Promise.all(shards.map((shard) => readdir(join(folder, shard))))).flat().sort();
}

async function referredParts(store: ISessionStore): Promise<string[]> {
  const { sessions } = await store.listSessions({ limit: 1000 });
  const checkpoints = await Promise.all(sessions.map(({ session_id: id }) => store.listCheckpoints(id)));
  return [...new Set(checkpoints.flat().flatMap(({ parts }) => parts.map(({ hash }) => hash)))].sort();
}

interface Made {
  parent: number;
  ageMs: number;
  isNamed: boolean;
  isNewBranch: boolean;
}
/** Each follows one that was made before. */
function treeOf(made: readonly Made[]): CheckpointNode[] {
  const nodes: CheckpointNode[] = [];
  const ages = made.map(({ ageMs }) => ageMs).sort((one, other) => other - one);
  made.forEach(({ parent, isNamed, isNewBranch }, seq) => {
    const from = nodes[parent % Math.max(1, nodes.length)];
    const created_at = new Date(now - (ages[seq] ?? 0)).toISOString();
    const note = { label: `n${seq}`, description: '', tags: [], created_at, updated_at: created_at };
    nodes.push({
      checkpoint_id: `c${seq}`,
      seq,
      parent: from?.checkpoint_id ?? null,
      branch: from && !isNewBranch ? from.branch : `b${seq}`,
      epoch: 1,
      reason: 'policy',
      created_at,
      bytes: 1,
      new_bytes: 1,
      note: isNamed ? note : null,
    });
  });
  return nodes;
}

describe('retention', () => {
  it('keeps what is named, the head, tips, partings and the newest; the rest grows thin with age', () => {
    const made = fc.record({
      parent: fc.nat(),
      ageMs: fc.nat(200 * day),
      isNamed: fc.boolean(),
      isNewBranch: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(made, { maxLength: 200 }), fc.nat(20), (all, keepLast) => {
        const nodes = treeOf(all);
        const head = nodes[Math.floor(nodes.length / 2)]?.checkpoint_id ?? null;
        const gone = new Set(expendable(nodes, head, { keepLast, now }));
        const children = new Map<string | null, number>();
        for (const { parent } of nodes) children.set(parent, (children.get(parent) ?? 0) + 1);
        const tips = new Set(new Map(nodes.map(({ branch, checkpoint_id: id }) => [branch, id])).values());
        nodes.forEach(({ checkpoint_id: id, note }, place) => {
          const isParting = (children.get(id) ?? 0) > 1;
          const isNew = place >= nodes.length - keepLast;
          if (note || id === head || tips.has(id) || isParting || isNew)
            expect(gone.has(id), `${id} stays`).to.equal(false);
        });
        const left = nodes.filter(({ checkpoint_id: id }) => !gone.has(id));
        // Thinning what was thinned takes away nothing more that is of the same age.
        expect(expendable(left, head, { keepLast, now }).length).to.be.at.most(gone.size);
      }),
      { numRuns: 300 },
    );
  });

  it('leaves one a minute, an hour, a day, a month of a long straight line', () => {
    const made = Array.from({ length: 5000 }, (_, place) => ({
      parent: place - 1 < 0 ? 0 : place - 1,
      ageMs: place * 30_000,
      isNamed: false,
      isNewBranch: false,
    }));
    const nodes = treeOf(made);
    const gone = expendable(nodes, null, { keepLast: 10, now });
    // 41.7 hours: 60 of the last hour, 23 to 24 of the day, one or two of the days before, and the newest.
    expect(nodes.length - gone.length).to.be.within(80, 105);
  });

  it('goes on by itself, by the clock, and never takes what was labelled', async () => {
    const clock = new DrivenClock();
    const world = await openWorld({ clock, config: { timeline: { keep_last_count: 10 } } });
    const session = await world.client.createSession({ kind: 'counter' });
    const labelled: number[] = [];
    for (let round = 0; round < 60; round += 1) {
      await session.execute('add 1');
      const { seq } = await session.timeline.checkpoint(round % 20 === 0 ? { label: `r${round}` } : {});
      if (round % 20 === 0) labelled.push(seq);
      clock.advance(100);
    }
    clock.advance(60_000);
    await until(async () => (await session.info()).checkpointCount < 60);
    const { checkpoints } = await session.timeline.read();
    expect(checkpoints.length).to.be.within(13, 16);
    expect(checkpoints.flatMap(({ note, seq }) => (note ? [seq] : []))).to.deep.equal(labelled);
    expect((await session.goto(labelled[1] ?? 0)).exact).to.equal(true);
    expect(await session.call('get_total')).to.deep.equal({ total: 21 });
    await world.close();
  });

  it('runs while 20 clients write: nothing is lost, and nothing stays that nobody refers to', async () => {
    const dataDir = join(await temporaryFolder('retention'), 'store');
    const store = at(dataDir);
    await store.open();
    const world = await openWorld({ store, config: { checkpoint: { every_writes: 1 } } });
    const sessions = await Promise.all(
      Array.from({ length: 5 }, (_, place) =>
        world.client.createSession({ kind: 'counter', sessionId: `s${place}` }),
      ),
    );
    let writing = true;
    const pruners = sessions.map(async (session) => {
      let removed = 0;
      while (writing) {
        removed += (await session.timeline.prune({ keepLast: 3 })).removedCount;
        // Where nothing has to be waited for, nobody else would have a turn.
        await turn();
      }
      return removed;
    });
    const client = async (session: ISession) => {
      for (let write = 0; write < 25; write += 1) await session.execute('add 1');
    };
    await Promise.all(sessions.flatMap((session) => Array.from({ length: 4 }, () => client(session))));
    writing = false;
    const removed = (await Promise.all(pruners)).reduce((sum, count) => sum + count, 0);
    expect(removed).to.be.greaterThan(100);
    for (const session of sessions) {
      expect(await session.call('get_total')).to.deep.equal({ total: 100 });
      await session.timeline.prune({ keepLast: 1 });
      await session.hibernate();
      expect(await session.call('get_total')).to.deep.equal({ total: 100 });
    }
    await until(async () => {
      const [stored, referred] = [await storedParts(dataDir), await referredParts(store)];
      return stored.join() === referred.join();
    });
    await world.close();
  }).timeout(60_000);

  it('is cut off by kill -9 wherever it is: what is labelled is whole, and no part is left over', async () => {
    const dataDir = await temporaryFolder('retention');
    const lineSchema = z.object({ id: z.string().optional(), checkpoint: z.string().optional() });
    const labelled: [string, string][] = [];
    for (let life = 0; life < 8; life += 1) {
      const running = spawn(process.execPath, ['--import=tsx', child, dataDir], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const ended = new Promise((resolve) => running.once('close', resolve));
      let left = 5 + Math.floor(Math.random() * 60);
      for await (const line of createInterface({ input: running.stdout })) {
        if (!line.endsWith('}')) continue;
        const { id, checkpoint } = lineSchema.parse(JSON.parse(line));
        if (id !== undefined && checkpoint !== undefined) labelled.push([id, checkpoint]);
        left -= 1;
        if (left === 0) running.kill('SIGKILL');
      }
      await ended;
      const store = at(dataDir);
      const report = await store.open();
      expect(report).to.deep.include({ damaged: [], set_aside: [], lost: [] });
      for (const [id, name] of labelled)
        expect((await store.getCheckpoint(id, name))?.note?.label, `${id} ${name}`).to.equal(name);
      for (const hash of await referredParts(store)) await store.getPart(hash);
      await until(async () => {
        const [stored, referred] = [await storedParts(dataDir), await referredParts(store)];
        return stored.join() === referred.join();
      });
      await store.dispose();
    }
  }).timeout(120_000);
});
