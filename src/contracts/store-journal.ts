/** Rules of the store contract: what may be appended to a journal, and by whom. */
import assert from 'node:assert/strict';
import type { ISessionStore } from '../types/store.js';
import { addSession, append, at, created, fails, input, recordOf, text } from './store-rules.js';
import type { StoreRule } from './store-rules.js';

const seqs = async (store: ISessionStore, id: string): Promise<number[]> =>
  (await store.readJournal(id, 0, 1000)).map((event) => event.seq);

export const journalRules: readonly StoreRule[] = [
  {
    title: 'appended events come back in order',
    async check(store) {
      await addSession(store, 'one');
      await append(store, 'one', [input('one', 1), text('one', 2)]);
      await append(store, 'one', [text('one', 3)]);
      const expected = [created('one'), input('one', 1), text('one', 2), text('one', 3)];
      assert.deepEqual(JSON.stringify(await store.readJournal('one', 0, 10)), JSON.stringify(expected));
      assert.equal((await recordOf(store, 'one')).head_seq, 3);
    },
  },
  {
    title: 'an append that leaves a gap is refused',
    async check(store) {
      await addSession(store, 'one');
      await fails(append(store, 'one', [text('one', 2)]), 'conflict');
      assert.deepEqual(await seqs(store, 'one'), [0]);
    },
  },
  {
    title: 'an append of a seq that is taken is refused',
    async check(store) {
      await addSession(store, 'one');
      await append(store, 'one', [text('one', 1, 'first')]);
      await fails(append(store, 'one', [text('one', 1, 'second')]), 'conflict');
      assert.deepEqual(await store.readJournal('one', 1, 10), [text('one', 1, 'first')]);
    },
  },
  {
    title: 'an append with one bad event leaves nothing',
    async check(store) {
      await addSession(store, 'one');
      const before = await recordOf(store, 'one');
      const events = [text('one', 1), text('one', 2), text('one', 7), text('one', 4)];
      await fails(
        append(store, 'one', events, { patch: { name: 'changed', total_executions: 1 } }),
        'conflict',
      );
      assert.deepEqual(await seqs(store, 'one'), [0]);
      assert.deepEqual(await store.getSession('one'), before);
    },
  },
  {
    title: 'an append with a bad patch leaves nothing',
    async check(store) {
      await addSession(store, 'one');
      const before = await recordOf(store, 'one');
      await fails(append(store, 'one', [text('one', 1)], { patch: { timeout_s: Number.NaN } }), 'internal');
      await fails(append(store, 'one', [text('one', 1)], { patch: { total_executions: 0.5 } }), 'internal');
      assert.deepEqual(await seqs(store, 'one'), [0]);
      assert.deepEqual(await store.getSession('one'), before);
    },
  },
  {
    title: 'an event that could not be read again is refused',
    async check(store) {
      await addSession(store, 'one');
      const endless = { type: 'result', input_seq: 0, status: 'ok', duration_ms: Number.NaN } as const;
      const bad = { session_id: 'one', seq: 2, at: at(2), ...endless };
      await fails(append(store, 'one', [text('one', 1), bad]), 'internal');
      await fails(append(store, 'one', [text('other', 1)]), 'internal');
      assert.deepEqual(await seqs(store, 'one'), [0]);
    },
  },
  {
    title: 'an append to a session that is not there is refused',
    check: (store) => fails(append(store, 'missing', [text('missing', 0)]), 'session_not_found'),
  },
  {
    title: 'an append changes the record with the events',
    async check(store) {
      await addSession(store, 'one');
      const patch = { last_activity: at(8), total_executions: 1, name: 'renamed', tags: ['t'] };
      await append(store, 'one', [text('one', 1)], { patch: { ...patch, head_seq: 99 } });
      const { last_activity, total_executions, name, tags, head_seq } = await recordOf(store, 'one');
      assert.deepEqual({ last_activity, total_executions, name, tags }, patch);
      assert.equal(head_seq, 1);
      assert.equal((await store.listSessions({ limit: 5, tag: 't' })).total, 1);
    },
  },
  {
    title: 'an append without events changes the record alone',
    async check(store) {
      await addSession(store, 'one');
      await append(store, 'one', [], { patch: { variable_count: 7 } });
      const { variable_count, head_seq } = await recordOf(store, 'one');
      assert.deepEqual({ variable_count, head_seq }, { variable_count: 7, head_seq: 0 });
    },
  },
  {
    title: 'a writer of an older epoch is refused',
    async check(store) {
      await addSession(store, 'one', { epoch: 5 });
      await fails(append(store, 'one', [text('one', 1)], { epoch: 4 }), 'conflict');
      assert.deepEqual(await seqs(store, 'one'), [0]);
      await append(store, 'one', [text('one', 1)], { epoch: 5 });
      assert.deepEqual(await seqs(store, 'one'), [0, 1]);
    },
  },
  {
    title: 'a writer of a newer epoch shuts the older one out',
    async check(store) {
      await addSession(store, 'one');
      await append(store, 'one', [text('one', 1)], { epoch: 1 });
      assert.equal((await recordOf(store, 'one')).epoch, 1);
      await fails(append(store, 'one', [text('one', 2)], { epoch: 0 }), 'conflict');
    },
  },
  {
    title: 'appends that come together are applied in their order',
    async check(store) {
      await addSession(store, 'one');
      const count = 60;
      await Promise.all(
        Array.from({ length: count }, (_, index) => append(store, 'one', [text('one', index + 1)])),
      );
      assert.deepEqual(
        await seqs(store, 'one'),
        Array.from({ length: count + 1 }, (_, index) => index),
      );
    },
  },
  {
    title: 'of two appends for one place one is refused',
    async check(store) {
      await addSession(store, 'one');
      const both = ['a', 'b'].map((said) => append(store, 'one', [text('one', 1, said)]));
      const outcomes = await Promise.allSettled(both);
      assert.deepEqual(outcomes.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
      assert.deepEqual(await seqs(store, 'one'), [0, 1]);
    },
  },
  {
    title: 'sessions have journals of their own',
    async check(store) {
      await addSession(store, 'one');
      await addSession(store, 'two');
      await append(store, 'two', [text('two', 1)]);
      assert.deepEqual([await seqs(store, 'one'), await seqs(store, 'two')], [[0], [0, 1]]);
    },
  },
  {
    title: 'every durability is taken, and sync resolves',
    async check(store) {
      await addSession(store, 'one', { durability: 'fsync' });
      await append(store, 'one', [text('one', 1)], { durability: 'async' });
      await append(store, 'one', [text('one', 2)], { durability: 'os' });
      await append(store, 'one', [text('one', 3)], { durability: 'fsync' });
      await store.sync();
      assert.deepEqual(await seqs(store, 'one'), [0, 1, 2, 3]);
    },
  },
  {
    title: 'stored bytes grow by what is appended',
    async check(store) {
      await addSession(store, 'one');
      const before = (await recordOf(store, 'one')).stored_bytes;
      await append(store, 'one', [text('one', 1, 'x'.repeat(1000))]);
      const grown = (await recordOf(store, 'one')).stored_bytes - before;
      assert.ok(before > 0 && grown >= 1000 && grown < 1200, `from ${before} by ${grown}`);
    },
  },
];
