/** Rules of the store contract: checkpoints that are removed, and what goes and stays with them. */
import assert from 'node:assert/strict';
import type { ISessionStore, PartRef } from '../types/store.js';
import { addSession, checkpoint, eventually, fails, note, putNamed, recordOf } from './store-rules.js';
import type { StoreRule } from './store-rules.js';

type Parts = Record<'kept' | 'early' | 'middle' | 'late', PartRef>;

/** A line of four checkpoints and one beside it; all have one part, and some have more. */
async function addLine(store: ISessionStore): Promise<Parts> {
  await addSession(store, 'one');
  const kept = await putNamed(store, 'kept', 'k'.repeat(1000));
  const early = await putNamed(store, 'early', 'e'.repeat(100));
  const middle = await putNamed(store, 'middle', 'm'.repeat(10));
  const late = await putNamed(store, 'late', 'l');
  await store.addCheckpoint('one', checkpoint('c1', [kept, early]), {});
  await store.addCheckpoint('one', checkpoint('c2', [kept, early, middle], { parent: 'c1' }), {});
  await store.addCheckpoint('one', checkpoint('c3', [kept, middle], { parent: 'c2' }), {});
  await store.addCheckpoint('one', checkpoint('side', [kept, middle], { parent: 'c2', branch: 'b' }), {});
  await store.addCheckpoint('one', checkpoint('c4', [kept, late], { parent: 'c3' }), {});
  return { kept, early, middle, late };
}

const treeOf = async (store: ISessionStore) =>
  (await store.listCheckpointNodes('one')).map((node) => [node.checkpoint_id, node.parent, node.new_bytes]);

export const removalRules: readonly StoreRule[] = [
  {
    title: 'children of a removed checkpoint get its parent',
    async check(store) {
      await addLine(store);
      await store.removeCheckpoints('one', ['c2', 'c3']);
      assert.deepEqual(await treeOf(store), [
        ['c1', null, 1100],
        ['side', 'c1', 10],
        ['c4', 'c1', 1],
      ]);
      const parents = (await store.listCheckpoints('one')).map(({ parent }) => parent);
      assert.deepEqual(parents, [null, 'c1', 'c1']);
      assert.equal((await store.getCheckpoint('one', 'c4'))?.parent, 'c1');
      assert.equal(await store.getCheckpoint('one', 'c2'), null);
      await store.removeCheckpoints('one', ['c1']);
      assert.deepEqual(await treeOf(store), [
        ['side', null, 1010],
        ['c4', null, 1001],
      ]);
    },
  },
  {
    title: 'a removal counts checkpoints and bytes anew',
    async check(store) {
      await addLine(store);
      const before = await recordOf(store, 'one');
      await store.removeCheckpoints('one', ['c1', 'c2']);
      const after = await recordOf(store, 'one');
      const { checkpoint_count, stored_bytes } = before;
      const counted = { checkpoint_count: checkpoint_count - 2, stored_bytes: stored_bytes - 100 };
      assert.deepEqual(after, { ...before, ...counted });
      await store.removeCheckpoints('one', ['c3', 'side']);
      assert.equal((await recordOf(store, 'one')).stored_bytes, stored_bytes - 110);
    },
  },
  {
    title: 'a part goes with the last checkpoint that has it',
    async check(store) {
      const { kept, early, middle, late } = await addLine(store);
      await store.removeCheckpoints('one', ['c2', 'c3']);
      assert.deepEqual(
        [kept, early, middle, late].map(({ hash }) => store.hasPart(hash)),
        [true, true, true, true],
      );
      await store.removeCheckpoints('one', ['side']);
      await eventually(() => !store.hasPart(middle.hash));
      await store.removeCheckpoints('one', ['c1']);
      await eventually(() => !store.hasPart(early.hash));
      const left = (await store.listCheckpoints('one')).flatMap(({ parts }) => parts);
      for (const part of left) assert.equal((await store.getPart(part.hash)).length, part.size);
      assert.equal(left.length, 2);
    },
  },
  {
    title: 'a removal leaves parts that another session or a pin holds',
    async check(store) {
      const { early, middle } = await addLine(store);
      await addSession(store, 'two');
      await store.addCheckpoint('two', checkpoint('c1', [early]), {});
      const pin = store.pinParts();
      pin.add(middle.hash);
      await store.removeCheckpoints('one', ['c1', 'c2', 'c3', 'side']);
      assert.equal((await store.getPart(early.hash)).length, 100);
      assert.equal((await store.getPart(middle.hash)).length, 10);
      pin.release();
      await eventually(() => !store.hasPart(middle.hash));
      assert.equal(store.hasPart(early.hash), true);
    },
  },
  {
    title: 'the head is not removed, nor anything with it',
    async check(store) {
      await addLine(store);
      await fails(store.removeCheckpoints('one', ['c1', 'c4']), 'conflict');
      assert.equal((await store.listCheckpoints('one')).length, 5);
      await store.updateSession('one', { head_checkpoint: 'c1' });
      await store.removeCheckpoints('one', ['c4']);
      await fails(store.removeCheckpoints('one', ['c1']), 'conflict');
    },
  },
  {
    title: 'a removal of what is not there is passed over',
    async check(store) {
      await addLine(store);
      await store.removeCheckpoints('one', ['missing', 'c2', 'c2']);
      const before = await store.getSession('one');
      await store.removeCheckpoints('one', ['missing', 'c2']);
      await store.removeCheckpoints('one', []);
      assert.deepEqual(await store.getSession('one'), before);
      assert.equal((await recordOf(store, 'one')).checkpoint_count, 4);
    },
  },
  {
    title: 'a removal from a session that is not there is refused',
    check: (store) => fails(store.removeCheckpoints('missing', ['c1']), 'session_not_found'),
  },
  {
    title: 'a removed checkpoint leaves its id and no note',
    async check(store) {
      const { late } = await addLine(store);
      await store.noteCheckpoint('one', 'c3', note('gone with it'));
      await store.removeCheckpoints('one', ['c3']);
      await fails(store.noteCheckpoint('one', 'c3', note('x')), 'checkpoint_not_found');
      const again = checkpoint('c3', [late], { parent: 'c4' });
      await store.addCheckpoint('one', again, {});
      assert.deepEqual(await store.getCheckpoint('one', 'c3'), again);
      assert.deepEqual((await treeOf(store)).at(-1), ['c3', 'c4', 0]);
    },
  },
  {
    title: 'checkpoints are added while others are removed',
    async check(store) {
      const { early, middle } = await addLine(store);
      const pin = store.pinParts();
      for (const { hash } of [early, middle]) pin.add(hash);
      const removing = store.removeCheckpoints('one', ['c1', 'c2', 'c3', 'side']);
      await store.addCheckpoint('one', checkpoint('c5', [early, middle], { parent: 'c4' }), {});
      await removing;
      pin.release();
      assert.deepEqual(
        (await treeOf(store)).map(([id]) => id),
        ['c4', 'c5'],
      );
      const { stored_bytes, checkpoint_count } = await recordOf(store, 'one');
      await addSession(store, 'like');
      for (const node of await store.listCheckpoints('one')) await store.addCheckpoint('like', node, {});
      const like = await recordOf(store, 'like');
      assert.deepEqual([stored_bytes, checkpoint_count], [like.stored_bytes, like.checkpoint_count]);
      for (const { hash, size } of [early, middle]) assert.equal((await store.getPart(hash)).length, size);
    },
  },
];
