/**
 * A process that adds checkpoints to sessions of a sqlite store and thins them, again and again, until it is killed. It
 * says on standard output which ones were labelled, and so must stay. Argument: data folder.
 */
import { randomBytes } from 'node:crypto';
import { writeSync } from 'node:fs';
import { expendable } from '../../src/advanced/timeline/retention.js';
import { addSession, checkpoint, putNamed } from '../../src/contracts/store-rules.js';
import { silentLog, systemClock, systemFiles } from '../../src/core/system.js';
import { sqliteStore } from '../../src/storage/sqlite/definition.js';

const [dataDir = ''] = process.argv.slice(2);
const store = sqliteStore.create({ dataDir, clock: systemClock, log: silentLog, files: systemFiles });
const tell = (line: object) => writeSync(1, `${JSON.stringify(line)}\n`);

async function work(id: string): Promise<never> {
  const known = await store.getSession(id);
  if (!known) await addSession(store, id);
  for (let turn = known?.checkpoint_count ?? 0; ; turn += 1) {
    const pin = store.pinParts();
    const head = (await store.getSession(id))?.head_checkpoint ?? null;
    const own = { name: 'own', ...(await store.putPart(randomBytes(2000), pin)) };
    const shared = await putNamed(store, 'shared', 'the same in all');
    const name = `c${systemClock.now()}-${turn}`;
    await store.addCheckpoint(id, checkpoint(name, [own, shared], { seq: turn, parent: head }), {});
    pin.release();
    if (turn % 7 === 0) {
      const at = new Date(systemClock.now()).toISOString();
      const note = { label: name, description: '', tags: [], created_at: at, updated_at: at };
      await store.noteCheckpoint(id, name, note);
      tell({ id, checkpoint: name });
    }
    if (turn % 20 !== 19) continue;
    const nodes = await store.listCheckpointNodes(id);
    // All of the contract's checkpoints were made at one time: a minute's worth of them is one.
    await store.removeCheckpoints(id, expendable(nodes, name, { keepLast: 5, now: systemClock.now() }));
    tell({ id, pruned: turn });
  }
}

await store.open();
tell({ ready: true });
await Promise.all(['a', 'b', 'c'].map((id) => work(id)));
