/**
 * A process that appends to a sqlite store until it is killed, and says on standard output what was acknowledged:
 * one line of JSON each, written before anything else happens. Arguments: data folder, durability.
 */
import { writeSync } from 'node:fs';
import { addSession, append, checkpoint, text } from '../../src/contracts/store-rules.js';
import { silentLog, systemClock, systemFiles } from '../../src/core/system.js';
import { sqliteStore } from '../../src/storage/sqlite/definition.js';
import { durabilitySchema } from '../../src/types/session.js';

const [dataDir = '', mode] = process.argv.slice(2);
const durability = durabilitySchema.parse(mode);
const store = sqliteStore.create({ dataDir, clock: systemClock, log: silentLog, files: systemFiles });
const tell = (line: object) => writeSync(1, `${JSON.stringify(line)}\n`);

async function work(id: string): Promise<never> {
  const found = await store.getSession(id);
  let seq = found?.head_seq ?? 0;
  if (!found) await addSession(store, id, { durability });
  for (let turn = 0; ; turn += 1) {
    const count = 1 + (seq % 3);
    const events = Array.from({ length: count }, (_, index) =>
      text(id, seq + 1 + index, 'x'.repeat((seq * 37) % 3000)),
    );
    await append(store, id, events, { durability, patch: { total_executions: seq } });
    seq += count;
    tell({ id, seq });
    if (turn % 10 === 9) await keepState(id, seq);
  }
}

async function keepState(id: string, seq: number): Promise<void> {
  const pin = store.pinParts();
  const content = Buffer.from(`${id} at ${seq} `.repeat(500));
  const part = { name: 'state', ...(await store.putPart(content, pin)) };
  await store.addCheckpoint(id, checkpoint(`c${seq}`, [part], { seq }), {});
  pin.release();
  tell({ id, seq, checkpoint: `c${seq}` });
}

await store.open();
tell({ ready: true });
await Promise.all(['a', 'b', 'c', 'd'].map((id) => work(id)));
