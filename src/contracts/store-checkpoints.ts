/** Rules of the store contract: the tree of checkpoints and the answers kept for retries. */
import assert from 'node:assert/strict';
import { addSession, at, checkpoint, fails, putNamed, recordOf, parsed } from './store-rules.js';
import type { StoreRule } from './store-rules.js';

export const checkpointRules: readonly StoreRule[] = [
  {
    title: 'a checkpoint comes back as it was given',
    async check(store) {
      await addSession(store, 'one');
      const manifest: Record<string, unknown> = parsed('{"__proto__": {"a": 1}, "x": ["\\ud800"]}');
      const not_kept = [{ name: 'f', type: 'generator', reason: 'cannot be pickled' }];
      const given = checkpoint('c1', [await putNamed(store, 'a', 'A')], {
        manifest,
        not_kept,
        seq: 0,
        epoch: 2,
      });
      await store.addCheckpoint('one', given, {});
      assert.deepEqual(await store.getCheckpoint('one', 'c1'), given);
      const found = await store.getCheckpoint('one', 'c1');
      assert.deepEqual(Object.keys(found?.manifest ?? {}), ['__proto__', 'x']);
    },
  },
  {
    title: 'a checkpoint moves the head and the branch and is counted',
    async check(store) {
      await addSession(store, 'one');
      await store.addCheckpoint('one', checkpoint('c1', [], { branch: 'side' }), {});
      const { head_checkpoint, branch, checkpoint_count } = await recordOf(store, 'one');
      assert.deepEqual(
        { head_checkpoint, branch, checkpoint_count },
        {
          head_checkpoint: 'c1',
          branch: 'side',
          checkpoint_count: 1,
        },
      );
    },
  },
  {
    title: 'a checkpoint changes the record by its patch',
    async check(store) {
      await addSession(store, 'one');
      await store.addCheckpoint('one', checkpoint('c1', []), {
        variable_count: 3,
        name: 'n',
        checkpoint_count: 50,
      });
      const { variable_count, name, checkpoint_count } = await recordOf(store, 'one');
      assert.deepEqual([variable_count, name, checkpoint_count], [3, 'n', 1]);
    },
  },
  {
    title: 'checkpoints form a tree and are listed oldest first',
    async check(store) {
      await addSession(store, 'one');
      await store.addCheckpoint('one', checkpoint('z', []), {});
      await store.addCheckpoint('one', checkpoint('b', [], { parent: 'z' }), {});
      await store.addCheckpoint('one', checkpoint('a', [], { parent: 'z', branch: 'other' }), {});
      const nodes = (await store.listCheckpoints('one')).map((node) => [
        node.checkpoint_id,
        node.parent,
        node.branch,
      ]);
      assert.deepEqual(nodes, [
        ['z', null, 'main'],
        ['b', 'z', 'main'],
        ['a', 'z', 'other'],
      ]);
      await store.updateSession('one', { head_checkpoint: 'b', branch: 'main' });
      assert.equal((await recordOf(store, 'one')).head_checkpoint, 'b');
    },
  },
  {
    title: 'a checkpoint that is not there is null',
    async check(store) {
      await addSession(store, 'one');
      await addSession(store, 'two');
      await store.addCheckpoint('two', checkpoint('c1', []), {});
      assert.equal(await store.getCheckpoint('one', 'c1'), null);
      assert.equal(await store.getCheckpoint('missing', 'c1'), null);
    },
  },
  {
    title: 'checkpoints of a session that is not there are refused',
    async check(store) {
      await fails(store.addCheckpoint('missing', checkpoint('c1', []), {}), 'session_not_found');
      await fails(store.listCheckpoints('missing'), 'session_not_found');
    },
  },
  {
    title: 'a checkpoint id that is taken is refused',
    async check(store) {
      await addSession(store, 'one');
      await store.addCheckpoint('one', checkpoint('c1', [], { reason: 'first' }), {});
      await fails(
        store.addCheckpoint('one', checkpoint('c1', [], { reason: 'second' }), { name: 'x' }),
        'conflict',
      );
      assert.deepEqual(
        (await store.listCheckpoints('one')).map(({ reason }) => reason),
        ['first'],
      );
      assert.notEqual((await recordOf(store, 'one')).name, 'x');
    },
  },
  {
    title: 'a checkpoint whose part is not there is refused',
    async check(store) {
      await addSession(store, 'one');
      const missing = { name: 'a', hash: 'ab'.repeat(32), size: 1 };
      await fails(store.addCheckpoint('one', checkpoint('c1', [missing]), { name: 'x' }), 'storage_error');
      const { head_checkpoint, checkpoint_count, failure } = await recordOf(store, 'one');
      assert.deepEqual([head_checkpoint, checkpoint_count, failure], [null, 0, null]);
    },
  },
  {
    title: 'stored bytes count each distinct part once',
    async check(store) {
      await addSession(store, 'one');
      const before = (await recordOf(store, 'one')).stored_bytes;
      const [a, b] = [
        await putNamed(store, 'a', 'x'.repeat(500)),
        await putNamed(store, 'b', 'y'.repeat(70)),
      ];
      await store.addCheckpoint('one', checkpoint('c1', [a, { ...a, name: 'again' }]), {});
      await store.addCheckpoint('one', checkpoint('c2', [a, b], { parent: 'c1' }), {});
      assert.equal((await recordOf(store, 'one')).stored_bytes - before, 570);
    },
  },
  {
    title: 'an answer comes back to the one who asked',
    async check(store) {
      const answer = { request: 'fp', answer: { list: [1, null], text: '\ud800' }, created_at: at(1) };
      assert.equal(await store.getAnswer('ada', 'k'), null);
      await store.putAnswer('ada', 'k', answer);
      assert.deepEqual(await store.getAnswer('ada', 'k'), answer);
      assert.equal(await store.getAnswer('bob', 'k'), null);
      assert.equal(await store.getAnswer('ada', 'K'), null);
      await store.putAnswer('ada', 'k', { ...answer, request: 'new' });
      assert.equal((await store.getAnswer('ada', 'k'))?.request, 'new');
    },
  },
  {
    title: 'pruning forgets older answers only',
    async check(store) {
      for (const second of [1, 2, 3]) {
        await store.putAnswer('ada', `k${second}`, { request: 'fp', answer: second, created_at: at(second) });
      }
      await store.pruneAnswers(at(2));
      const left = await Promise.all([1, 2, 3].map((second) => store.getAnswer('ada', `k${second}`)));
      assert.deepEqual(
        left.map((found) => found?.answer),
        [undefined, 2, 3],
      );
    },
  },
];
