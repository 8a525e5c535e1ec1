/** Rules of the store contract: a fork and its source share parts, and neither can take anything from the other. */
import assert from 'node:assert/strict';
import type { ISessionStore, PartRef } from '../types/store.js';
import {
  addSession,
  append,
  checkpoint,
  eventually,
  fails,
  forkTo,
  input,
  putNamed,
  recordOf,
  text,
} from './store-rules.js';
import type { StoreRule } from './store-rules.js';

/** A session with one checkpoint of one part, and a fork of it. */
async function addBoth(store: ISessionStore, durability: 'os' | 'fsync' = 'os'): Promise<PartRef> {
  await addSession(store, 'one');
  const part = await putNamed(store, 'a', 'in both');
  await append(store, 'one', [input('one', 1, 'key'), text('one', 2)]);
  await store.addCheckpoint('one', checkpoint('c1', [part], { seq: 2 }), {});
  await forkTo(store, 'one', 'two', 2, { durability });
  return part;
}

/** All that is kept of a session. */
const everythingOf = async (store: ISessionStore, id: string) => ({
  record: await store.getSession(id),
  journal: await store.readJournal(id, 0, 100),
  checkpoints: await store.listCheckpoints(id),
  input: await store.findInput(id, 'key'),
});

export const forkSharingRules: readonly StoreRule[] = [
  {
    title: 'a fork and its source go on apart',
    async check(store) {
      await addBoth(store);
      const before = { one: await everythingOf(store, 'one'), two: await everythingOf(store, 'two') };
      await append(store, 'two', [text('two', 4)], { patch: { name: 'renamed' } });
      await store.addCheckpoint('two', checkpoint('c2', [], { seq: 4, parent: 'c1' }), {});
      assert.deepEqual(await everythingOf(store, 'one'), before.one);
      const two = await everythingOf(store, 'two');
      await append(store, 'one', [text('one', 3)]);
      await store.addCheckpoint('one', checkpoint('c2', [], { seq: 3, parent: 'c1' }), {});
      assert.deepEqual(await everythingOf(store, 'two'), two);
      assert.equal(two.record?.head_seq, 4);
    },
  },
  {
    title: 'a fork loses nothing when its source is deleted',
    async check(store) {
      const part = await addBoth(store);
      const before = await everythingOf(store, 'two');
      await store.deleteSession('one');
      assert.deepEqual(await everythingOf(store, 'two'), before);
      assert.equal(Buffer.from(await store.getPart(part.hash)).toString(), 'in both');
      await append(store, 'two', [text('two', 4)]);
    },
  },
  {
    title: 'a source loses nothing when its fork is deleted',
    async check(store) {
      const part = await addBoth(store);
      const before = await everythingOf(store, 'one');
      await store.deleteSession('two');
      assert.deepEqual(await everythingOf(store, 'one'), before);
      assert.equal(Buffer.from(await store.getPart(part.hash)).toString(), 'in both');
    },
  },
  {
    title: 'a part goes with the last of a source and its forks',
    async check(store) {
      const part = await addBoth(store);
      await forkTo(store, 'two', 'three', 3);
      await store.deleteSession('two');
      await store.deleteSession('one');
      assert.equal(store.hasPart(part.hash), true);
      await store.deleteSession('three');
      await eventually(() => !store.hasPart(part.hash));
    },
  },
  {
    title: 'a part of a later checkpoint is not held by a fork',
    async check(store) {
      await addBoth(store);
      const later = await putNamed(store, 'b', 'later');
      await append(store, 'one', [text('one', 3)]);
      await store.addCheckpoint('one', checkpoint('c2', [later], { seq: 3, parent: 'c1' }), {});
      await forkTo(store, 'one', 'three', 2);
      await store.deleteSession('one');
      await eventually(() => !store.hasPart(later.hash));
    },
  },
  {
    title: 'a fork of a source that is being deleted is whole or not there',
    async check(store) {
      const part = await addBoth(store);
      const forking = forkTo(store, 'one', 'three', 2);
      const deleting = store.deleteSession('one');
      const [outcome] = await Promise.allSettled([forking, deleting]);
      if (outcome.status === 'fulfilled') {
        assert.equal((await store.readJournal('three', 0, 100)).length, 4);
        assert.equal((await recordOf(store, 'three')).checkpoint_count, 1);
      } else {
        await fails(forking, 'session_not_found');
        assert.equal(await store.getSession('three'), null);
      }
      assert.equal(store.hasPart(part.hash), true);
    },
  },
  {
    title: 'a fork is there when the store is opened again',
    needsReopen: true,
    async check(store, reopen) {
      const part = await addBoth(store, 'fsync');
      const before = await everythingOf(store, 'two');
      await store.deleteSession('one');
      const again = await reopen(store);
      assert.deepEqual(await everythingOf(again, 'two'), before);
      assert.equal(Buffer.from(await again.getPart(part.hash)).toString(), 'in both');
      assert.equal((await again.listSessions({ limit: 5 })).total, 1);
    },
  },
];
