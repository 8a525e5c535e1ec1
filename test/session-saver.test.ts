/** Checkpoints of one session: however often they are asked for, one is written at a time and none for nothing. */
import { expect } from 'chai';
import { silentLog, systemClock, systemFiles } from '../src/core/system.js';
import { memoryStore } from '../src/storage/memory.js';
import type { ISessionStore } from '../src/types/store.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { counter } from './support/session-words.js';
import { openWorld } from './support/world.js';

/** A store that holds back checkpoints until it is opened, and counts them. */
function gated(store: ISessionStore) {
  let open: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const counts = { now: 0, most: 0, all: 0 };
  const addCheckpoint: ISessionStore['addCheckpoint'] = async (...args) => {
    counts.now += 1;
    counts.all += 1;
    counts.most = Math.max(counts.most, counts.now);
    await gate;
    counts.now -= 1;
    return store.addCheckpoint(...args);
  };
  const proxy = new Proxy(store, {
    get(target, name) {
      if (name === 'addCheckpoint') return addCheckpoint;
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });
  return { store: proxy, counts, open };
}

describe('the checkpoints of a session', () => {
  it('are written one at a time, and no more of them than needed, when every input makes one due', async () => {
    const dataDir = await temporaryFolder();
    const kept = memoryStore.create({ dataDir, clock: systemClock, log: silentLog, files: systemFiles });
    await kept.open();
    const { store, counts, open } = gated(kept);
    const config = { checkpoint: { interval_ms: 1e9, replay_inputs: 1 } };
    const world = await openWorld({ store, dataDir, config });
    const session = await world.client.createSession(counter);
    for (let index = 0; index < 50; index += 1) await session.execute('add 1');
    const saves = Promise.all(Array.from({ length: 50 }, () => session.save()));
    open();
    await saves;
    expect(counts).to.deep.equal({ now: 0, most: 1, all: 2 });
    expect((await session.info()).checkpointCount).to.equal(2);
    await world.close();
  });
});
