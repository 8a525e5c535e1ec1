/** What the sqlite store keeps when its process is killed, and how it waits for the disk. */
import { expect } from 'chai';
import { spawn } from 'node:child_process';
import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { addSession, append, text } from '../src/contracts/store-rules.js';
import { silentLog, systemClock, systemFiles } from '../src/core/system.js';
import { sqliteStore } from '../src/storage/sqlite/definition.js';
import { GroupSync } from '../src/storage/sqlite/group-sync.js';
import type { ISessionStore } from '../src/types/store.js';
import { temporaryFolder } from './support/temporary-folder.js';

const child = fileURLToPath(new URL('support/append-until-killed.ts', import.meta.url));
const lineSchema = z.object({
  ready: z.boolean().optional(),
  id: z.string().optional(),
  seq: z.number().optional(),
  checkpoint: z.string().optional(),
});
type Acknowledged = { seqs: Map<string, number>; checkpoints: [string, string][] };

const at = (dataDir: string): ISessionStore =>
  sqliteStore.create({ dataDir, clock: systemClock, log: silentLog, files: systemFiles });

/** Lets the child append, kills it after `lines` acknowledgements, and gives back all that it acknowledged. */
async function appendAndKill(dataDir: string, durability: string, lines: number): Promise<Acknowledged> {
  const running = spawn(process.execPath, ['--import=tsx', child, dataDir, durability], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const gone = new Promise((resolve) => running.once('close', resolve));
  const seqs = new Map<string, number>();
  const checkpoints: [string, string][] = [];
  let seen = 0;
  for await (const line of createInterface({ input: running.stdout })) {
    // The last line may have been cut off by the kill; what it would have said was not acknowledged.
    if (!line.endsWith('}')) continue;
    const { id, seq, checkpoint } = lineSchema.parse(JSON.parse(line));
    if (id !== undefined && seq !== undefined) seqs.set(id, Math.max(seq, seqs.get(id) ?? 0));
    if (id !== undefined && checkpoint !== undefined) checkpoints.push([id, checkpoint]);
    seen += 1;
    if (seen === lines) running.kill('SIGKILL');
  }
  await gone;
  return { seqs, checkpoints };
}

async function expectKept(dataDir: string, acknowledged: Acknowledged): Promise<void> {
  const store = at(dataDir);
  try {
    const report = await store.open();
    expect(report).to.deep.include({ damaged: [], set_aside: [], lost: [] });
    for (const [id, seq] of acknowledged.seqs) {
      const record = await store.getSession(id);
      expect(record?.head_seq).to.be.at.least(seq);
      const events = await store.readJournal(id, 0, 1_000_000);
      expect(events).to.have.length((record?.head_seq ?? 0) + 1);
    }
    for (const [id, name] of acknowledged.checkpoints) {
      const found = await store.getCheckpoint(id, name);
      for (const part of found?.parts ?? [])
        expect((await store.getPart(part.hash)).length).to.equal(part.size);
      expect(found?.parts).to.have.length(1);
    }
  } finally {
    await store.dispose();
  }
}

describe('sqlite store that is killed', () => {
  for (const durability of ['async', 'os', 'fsync']) {
    it(`keeps every acknowledged write of ten lives that end by kill -9 (${durability})`, async () => {
      const dataDir = await temporaryFolder('durability');
      for (let life = 0; life < 10; life += 1) {
        const acknowledged = await appendAndKill(dataDir, durability, 1 + Math.floor(Math.random() * 400));
        await expectKept(dataDir, acknowledged);
      }
    }).timeout(120_000);
  }
});

describe('waiting for the disk', () => {
  it('shares one sync among all who ask while another is under way', async () => {
    const path = join(await temporaryFolder('group'), 'log');
    await writeFile(path, 'content');
    const group = new GroupSync(path);
    await Promise.all(Array.from({ length: 100 }, () => group.wait()));
    expect(group.syncs).to.equal(2);
    await group.wait();
    expect(group.syncs).to.equal(3);
    await group.dispose();
    await group.dispose();
  });

  it('tells everybody who waits when it fails, and works again afterwards', async () => {
    const path = join(await temporaryFolder('group'), 'log');
    const group = new GroupSync(path);
    const outcomes = await Promise.allSettled([group.wait(), group.wait(), group.wait()]);
    expect(outcomes.map(({ status }) => status)).to.deep.equal(['rejected', 'rejected', 'rejected']);
    await writeFile(path, 'content');
    await group.wait();
    expect(group.syncs).to.equal(1);
    await group.dispose();
  });

  it('keeps the log short without holding writers up', async () => {
    const dataDir = await temporaryFolder('wal');
    const store = at(dataDir);
    await store.open();
    await addSession(store, 'one');
    const long = 'x'.repeat(2 ** 17);
    const written = 640;
    let longestMs = 0;
    for (let seq = 1; seq <= written; seq += 1) {
      const start = performance.now();
      await append(store, 'one', [text('one', seq, long)]);
      longestMs = Math.max(longestMs, performance.now() - start);
      await new Promise(setImmediate);
    }
    expect((await stat(join(dataDir, 'sojourn.db-wal'))).size).to.be.below(60 * 2 ** 20);
    expect((await stat(join(dataDir, 'sojourn.db'))).size).to.be.above(16 * 2 ** 20);
    expect((await store.readJournal('one', 1, written)).length).to.equal(written);
    await store.dispose();
    const again = at(dataDir);
    expect((await again.open()).damaged).to.deep.equal([]);
    expect((await again.getSession('one'))?.head_seq).to.equal(written);
    await again.dispose();
    expect(longestMs, 'the longest wait of a writer').to.be.below(5000);
  });
});
