/** Rules of the store contract: notes on checkpoints, and the tree as it is listed. */
import assert from 'node:assert/strict';
import type { ISessionStore } from '../types/store.js';
import { addSession, at, checkpoint, fails, forkTo, note, parsed, putNamed } from './store-rules.js';
import type { StoreRule } from './store-rules.js';

/** What is told of the notes of a session, by each way that tells of them. */
async function notesOf(store: ISessionStore, id: string): Promise<Record<string, string | null>> {
  const labels: Record<string, string | null> = {};
  const listed = await store.listCheckpoints(id);
  const nodes = await store.listCheckpointNodes(id);
  for (const [index, node] of nodes.entries()) {
    const found = await store.getCheckpoint(id, node.checkpoint_id);
    assert.deepEqual(found?.note ?? null, node.note);
    assert.deepEqual(listed[index]?.note ?? null, node.note);
    labels[node.checkpoint_id] = node.note?.label ?? null;
  }
  return labels;
}

/** A session with a root and two branches. */
async function addTree(store: ISessionStore): Promise<void> {
  await addSession(store, 'one');
  const a = await putNamed(store, 'a', 'x'.repeat(300));
  const b = await putNamed(store, 'b', 'y'.repeat(20));
  const c = await putNamed(store, 'c', 'z'.repeat(7));
  await store.addCheckpoint('one', checkpoint('c1', [a, { ...a, name: 'again' }]), {});
  await store.addCheckpoint('one', checkpoint('c2', [a, b], { parent: 'c1', epoch: 4 }), {});
  await store.addCheckpoint('one', checkpoint('c3', [c, a], { parent: 'c1', branch: 'side' }), {});
}

export const noteRules: readonly StoreRule[] = [
  {
    title: 'nodes tell of the tree what its checkpoints tell, oldest first',
    async check(store) {
      await addTree(store);
      const records = await store.listCheckpoints('one');
      const expected = records.map(({ manifest: _m, parts: _p, not_kept: _k, ...place }) => place);
      const nodes = await store.listCheckpointNodes('one');
      assert.deepEqual(
        nodes.map(({ bytes: _b, new_bytes: _w, note: _n, ...place }) => place),
        expected,
      );
      assert.deepEqual(
        nodes.map((node) => node.note),
        [null, null, null],
      );
    },
  },
  {
    title: 'nodes count the bytes that they have, and those that their parents have not',
    async check(store) {
      await addTree(store);
      const nodes = await store.listCheckpointNodes('one');
      assert.deepEqual(
        nodes.map(({ bytes, new_bytes }) => [bytes, new_bytes]),
        [
          [300, 300],
          [320, 20],
          [307, 7],
        ],
      );
    },
  },
  {
    title: 'nodes of a session that is not there are refused',
    check: (store) => fails(store.listCheckpointNodes('missing'), 'session_not_found'),
  },
  {
    title: 'a note is told with its checkpoint until another takes its place',
    async check(store) {
      await addTree(store);
      const given = note('first', {
        description: 'what\u0000 \ud800',
        tags: ['b', 'a'],
        ...parsed('{"more": 1}'),
      });
      await store.noteCheckpoint('one', 'c2', given);
      assert.deepEqual((await store.getCheckpoint('one', 'c2'))?.note, given);
      assert.deepEqual(await notesOf(store, 'one'), { c1: null, c2: 'first', c3: null });
      await store.noteCheckpoint('one', 'c1', note('other'));
      await store.noteCheckpoint('one', 'c2', note('second', { updated_at: at(9) }));
      assert.deepEqual(await notesOf(store, 'one'), { c1: 'other', c2: 'second', c3: null });
      await store.noteCheckpoint('one', 'c2', null);
      await store.noteCheckpoint('one', 'c2', null);
      assert.deepEqual(await notesOf(store, 'one'), { c1: 'other', c2: null, c3: null });
    },
  },
  {
    title: 'a checkpoint may come with a note',
    async check(store) {
      await addSession(store, 'one');
      const given = checkpoint('c1', [], { note: note('born with it') });
      await store.addCheckpoint('one', given, {});
      assert.deepEqual(await store.getCheckpoint('one', 'c1'), given);
      assert.deepEqual(await notesOf(store, 'one'), { c1: 'born with it' });
    },
  },
  {
    title: 'a note on what is not there is refused',
    async check(store) {
      await addTree(store);
      await addSession(store, 'two');
      await fails(store.noteCheckpoint('missing', 'c1', note('x')), 'session_not_found');
      await fails(store.noteCheckpoint('two', 'c1', note('x')), 'checkpoint_not_found');
      await fails(store.noteCheckpoint('two', 'c1', null), 'checkpoint_not_found');
    },
  },
  {
    title: 'a malformed note is refused',
    async check(store) {
      await addTree(store);
      const wrong: Record<string, unknown> = { tags: [1] };
      await fails(store.noteCheckpoint('one', 'c1', { ...note('x'), ...wrong }), 'internal');
      assert.deepEqual(await notesOf(store, 'one'), { c1: null, c2: null, c3: null });
    },
  },
  {
    title: 'a fork begins with the notes of its source, and from then on has its own',
    async check(store) {
      await addTree(store);
      await store.noteCheckpoint('one', 'c1', note('both'));
      await store.noteCheckpoint('one', 'c2', note('of both too'));
      await forkTo(store, 'one', 'two', 0);
      assert.deepEqual(await notesOf(store, 'two'), { c1: 'both', c2: 'of both too', c3: null });
      await store.noteCheckpoint('one', 'c1', note('of the source'));
      await store.noteCheckpoint('one', 'c3', note('of the source'));
      await store.noteCheckpoint('two', 'c2', null);
      await forkTo(store, 'two', 'three', 0);
      await store.noteCheckpoint('two', 'c1', note('of the fork'));
      const source = { c1: 'of the source', c2: 'of both too', c3: 'of the source' };
      assert.deepEqual(await notesOf(store, 'one'), source);
      assert.deepEqual(await notesOf(store, 'two'), { c1: 'of the fork', c2: null, c3: null });
      assert.deepEqual(await notesOf(store, 'three'), { c1: 'both', c2: null, c3: null });
      await store.deleteSession('two');
      await store.deleteSession('one');
      assert.deepEqual(await notesOf(store, 'three'), { c1: 'both', c2: null, c3: null });
    },
  },
];
