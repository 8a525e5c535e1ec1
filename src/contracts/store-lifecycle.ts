/** Rules of the store contract: before opening, after closing, and what is still there when it is opened again. */
import assert from 'node:assert/strict';
import type { ISessionStore } from '../types/store.js';
import {
  addSession,
  append,
  at,
  checkpoint,
  created,
  fails,
  forkTo,
  input,
  note,
  putNamed,
  record,
  text,
} from './store-rules.js';
import type { StoreRule } from './store-rules.js';

/** Every method but `open` and `dispose`, called so that it would work on an open store. */
const calls: Readonly<Record<string, (store: ISessionStore) => unknown>> = {
  createSession: (store) => store.createSession(record('new'), created('new')),
  forkSession: (store) => forkTo(store, 'one', 'new', 0),
  getSession: (store) => store.getSession('one'),
  updateSession: (store) => store.updateSession('one', { name: 'x' }),
  deleteSession: (store) => store.deleteSession('one'),
  listSessions: (store) => store.listSessions({ limit: 1 }),
  append: (store) => append(store, 'one', [text('one', 1)]),
  sync: (store) => store.sync(),
  readJournal: (store) => store.readJournal('one', 0, 1),
  findInput: (store) => store.findInput('one', 'k'),
  putPart: (store) => store.putPart(new Uint8Array(1)),
  getPart: (store) => store.getPart('00'.repeat(32)),
  hasPart: (store) => store.hasPart('00'.repeat(32)),
  pinParts: (store) => store.pinParts(),
  addCheckpoint: (store) => store.addCheckpoint('one', checkpoint('c', []), {}),
  listCheckpoints: (store) => store.listCheckpoints('one'),
  getCheckpoint: (store) => store.getCheckpoint('one', 'c'),
  listCheckpointNodes: (store) => store.listCheckpointNodes('one'),
  noteCheckpoint: (store) => store.noteCheckpoint('one', 'c', null),
  removeCheckpoints: (store) => store.removeCheckpoints('one', []),
  getAnswer: (store) => store.getAnswer('p', 'k'),
  putAnswer: (store) => store.putAnswer('p', 'k', { request: 'r', answer: 1, created_at: at(1) }),
  pruneAnswers: (store) => store.pruneAnswers(at(0)),
};

const closedRules: StoreRule[] = Object.entries(calls).map(([method, call]) => ({
  title: `${method} fails with closed after dispose`,
  async check(store) {
    await addSession(store, 'one');
    await store.dispose();
    await fails(() => call(store), 'closed');
  },
}));

export const lifecycleRules: readonly StoreRule[] = [
  {
    title: 'a fresh store opens empty and says so',
    startsClosed: true,
    async check(store) {
      assert.deepEqual(await store.open(), { sessions: 0, damaged: [], set_aside: [], lost: [] });
      assert.ok(store.name.length > 0);
    },
  },
  {
    title: 'nothing works before open',
    startsClosed: true,
    async check(store) {
      for (const call of Object.values(calls)) await fails(() => call(store), 'closed');
    },
  },
  {
    title: 'dispose may come twice, and before open',
    startsClosed: true,
    async check(store) {
      await store.dispose();
      await store.dispose();
    },
  },
  {
    title: 'a closed store cannot be opened',
    async check(store) {
      await store.dispose();
      await fails(store.open(), 'closed');
    },
  },
  ...closedRules,
  {
    title: 'what was stored is there when the store is opened again',
    needsReopen: true,
    async check(store, reopen) {
      await addSession(store, 'one', { tags: ['t'] });
      await append(store, 'one', [input('one', 1, 'key'), text('one', 2)], {
        patch: { total_executions: 1 },
      });
      const part = await putNamed(store, 'a', 'bytes');
      await store.addCheckpoint('one', checkpoint('c0', [await putNamed(store, 'b', 'gone')]), {});
      await store.addCheckpoint('one', checkpoint('c1', [part], { seq: 2, parent: 'c0' }), {});
      await store.noteCheckpoint('one', 'c1', note('kept'));
      await store.removeCheckpoints('one', ['c0']);
      await store.putAnswer('ada', 'k', { request: 'r', answer: [1], created_at: at(1) });
      const everything = async (from: ISessionStore) => ({
        record: await from.getSession('one'),
        journal: await from.readJournal('one', 0, 10),
        input: await from.findInput('one', 'key'),
        checkpoints: await from.listCheckpoints('one'),
        nodes: await from.listCheckpointNodes('one'),
        part: Buffer.from(await from.getPart(part.hash)).toString(),
        answer: await from.getAnswer('ada', 'k'),
        listed: await from.listSessions({ limit: 5, tag: 't' }),
      });
      const before = await everything(store);
      const again = await reopen(store);
      assert.deepEqual(await everything(again), before);
    },
  },
  {
    title: 'a deleted session stays deleted when the store is opened again',
    needsReopen: true,
    async check(store, reopen) {
      await addSession(store, 'one');
      await addSession(store, 'two');
      await store.deleteSession('one');
      const again = await reopen(store);
      assert.equal(await again.getSession('one'), null);
      assert.equal((await again.listSessions({ limit: 5 })).total, 1);
    },
  },
  {
    title: 'writers go on where they were when the store is opened again',
    needsReopen: true,
    async check(store, reopen) {
      await addSession(store, 'one', { epoch: 1 });
      await append(store, 'one', [text('one', 1)], { epoch: 2 });
      const again = await reopen(store);
      await fails(append(again, 'one', [text('one', 2)], { epoch: 1 }), 'conflict');
      await fails(append(again, 'one', [text('one', 1)], { epoch: 2 }), 'conflict');
      await append(again, 'one', [text('one', 2)], { epoch: 2 });
    },
  },
];
