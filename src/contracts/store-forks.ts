/** Rules of the store contract: what a session that was forked from another has, and what is refused. */
import assert from 'node:assert/strict';
import type { ISessionStore } from '../types/store.js';
import {
  addSession,
  append,
  at,
  checkpoint,
  created,
  fails,
  forked,
  forkTo,
  input,
  putNamed,
  record,
  recordOf,
  text,
} from './store-rules.js';
import type { StoreRule } from './store-rules.js';

/** A session with the events 0 to 6, and checkpoints at 2 and 4 that share a part. */
async function addSource(store: ISessionStore): Promise<void> {
  await addSession(store, 'one', { tags: ['of one'] });
  const shared = await putNamed(store, 'shared', 'x'.repeat(300));
  await append(store, 'one', [input('one', 1, 'k1'), text('one', 2)]);
  await store.addCheckpoint('one', checkpoint('c1', [shared], { seq: 2, manifest: { n: 1 } }), {});
  await append(store, 'one', [input('one', 3, 'k2'), text('one', 4)]);
  const more = [shared, await putNamed(store, 'b', 'y'.repeat(50))];
  await store.addCheckpoint('one', checkpoint('c2', more, { seq: 4, parent: 'c1' }), {});
  await append(store, 'one', [text('one', 5), text('one', 6)]);
}

export const forkRules: readonly StoreRule[] = [
  {
    title: 'a fork has the events of its source up to its place, then its own',
    async check(store) {
      await addSource(store);
      await forkTo(store, 'one', 'two', 3);
      const copied = [created('two'), input('two', 1, 'k1'), text('two', 2), input('two', 3, 'k2')];
      assert.deepEqual(await store.readJournal('two', 0, 10), [...copied, forked('two', 'one', 3)]);
    },
  },
  {
    title: 'a fork has the record that it was given, and none of the record of its source',
    async check(store) {
      await addSource(store);
      const given = record('two', {
        uid: 'uforked12345',
        name: 'what if',
        tags: ['new'],
        options: { a: [1] },
        parent: { session_id: 'one', seq: 2 },
        total_executions: 1,
        epoch: 3,
        last_activity: at(9),
      });
      await store.forkSession({ source_id: 'one', record: given, at_seq: 2, event: forked('two', 'one', 2) });
      const found = await recordOf(store, 'two');
      const { head_seq, stored_bytes, checkpoint_count, head_checkpoint, branch } = found;
      const counted = { head_seq, stored_bytes, checkpoint_count, head_checkpoint, branch };
      assert.deepEqual(found, { ...given, ...counted });
      const tagged = async (tag: string) => (await store.listSessions({ limit: 5, tag })).total;
      assert.deepEqual([await tagged('new'), await tagged('of one')], [1, 1]);
    },
  },
  {
    title: 'a fork has every checkpoint of its source up to its place',
    async check(store) {
      await addSource(store);
      await forkTo(store, 'one', 'early', 3);
      await forkTo(store, 'one', 'late', 4);
      const all = await store.listCheckpoints('one');
      assert.deepEqual(await store.listCheckpoints('early'), all.slice(0, 1));
      assert.deepEqual(await store.listCheckpoints('late'), all);
      assert.deepEqual(await store.getCheckpoint('late', 'c2'), all[1]);
      assert.equal(await store.getCheckpoint('early', 'c2'), null);
    },
  },
  {
    title: 'a fork starts from the newest checkpoint on the path to the head of its source',
    async check(store) {
      await addSource(store);
      await store.addCheckpoint('one', checkpoint('aside', [], { seq: 5, parent: 'c1', branch: 'b' }), {});
      await store.addCheckpoint('one', checkpoint('tip', [], { seq: 6, parent: 'c2', branch: 'tips' }), {});
      const headOf = async (seq: number) => {
        await forkTo(store, 'one', `at${seq}`, seq, { branch: 'given' });
        const { head_checkpoint, branch } = await recordOf(store, `at${seq}`);
        return [head_checkpoint, branch];
      };
      assert.deepEqual(await headOf(6), ['tip', 'tips']);
      assert.deepEqual(await headOf(5), ['c2', 'main']);
      assert.deepEqual(await headOf(3), ['c1', 'main']);
      assert.deepEqual(await headOf(1), [null, 'given']);
    },
  },
  {
    title: 'a fork starts from the checkpoint that it is told, on whatever branch it is',
    async check(store) {
      await addSource(store);
      await store.addCheckpoint('one', checkpoint('aside', [], { seq: 5, parent: 'c1', branch: 'b' }), {});
      await store.updateSession('one', { head_checkpoint: 'c2', branch: 'main' });
      const headOf = async (id: string, head_checkpoint: string | null) => {
        const given = record(id, { uid: `u${id.padEnd(9, '0')}`, branch: 'given' });
        const event = forked(id, 'one', 5);
        await store.forkSession({ source_id: 'one', record: given, at_seq: 5, event, head_checkpoint });
        const found = await recordOf(store, id);
        return [found.head_checkpoint, found.branch, found.checkpoint_count];
      };
      assert.deepEqual(await headOf('left', 'aside'), ['aside', 'b', 3]);
      assert.deepEqual(await headOf('early', 'c1'), ['c1', 'main', 3]);
      assert.deepEqual(await headOf('none', null), [null, 'given', 3]);
    },
  },
  {
    title: 'a fork counts what it has like every session',
    async check(store) {
      await addSource(store);
      await forkTo(store, 'one', 'two', 4, { head_seq: 99, stored_bytes: 99, checkpoint_count: 99 });
      await addSession(store, 'like');
      const events = await store.readJournal('two', 1, 10);
      await append(
        store,
        'like',
        events.map((event) => ({ ...event, session_id: 'like' })),
      );
      for (const node of await store.listCheckpoints('two')) await store.addCheckpoint('like', node, {});
      const counts = async (id: string) => {
        const { head_seq, stored_bytes, checkpoint_count } = await recordOf(store, id);
        return { head_seq, stored_bytes, checkpoint_count };
      };
      assert.deepEqual(await counts('two'), await counts('like'));
      assert.equal((await counts('two')).head_seq, 5);
    },
  },
  {
    title: 'an input that came with a fork answers no call to it',
    async check(store) {
      await addSource(store);
      await forkTo(store, 'one', 'two', 4);
      assert.equal(await store.findInput('two', 'k1'), null);
      assert.equal((await store.findInput('one', 'k1'))?.seq, 1);
      await append(store, 'two', [input('two', 6, 'k1', 'y = 2')]);
      assert.deepEqual(await store.findInput('two', 'k1'), input('two', 6, 'k1', 'y = 2'));
    },
  },
  {
    title: 'a fork of a fork has the history of both',
    async check(store) {
      await addSource(store);
      await forkTo(store, 'one', 'two', 2);
      await append(store, 'two', [text('two', 4)]);
      await forkTo(store, 'two', 'three', 4);
      const types = (await store.readJournal('three', 0, 10)).map((event) => event.type);
      assert.deepEqual(types, ['created', 'input', 'stdout', 'forked', 'stdout', 'forked']);
      assert.equal((await recordOf(store, 'three')).head_checkpoint, 'c1');
    },
  },
  {
    title: 'a long history is forked whole while its source goes on',
    async check(store) {
      await addSession(store, 'one');
      const events = Array.from({ length: 4000 }, (_, index) => text('one', index + 1));
      await append(store, 'one', events);
      const forking = forkTo(store, 'one', 'two', 3500);
      await append(store, 'one', [text('one', 4001)]);
      await forking;
      const copied = await store.readJournal('two', 0, 9000);
      const expected = events.slice(0, 3500).map((event) => ({ ...event, session_id: 'two' }));
      assert.deepEqual(copied, [created('two'), ...expected, forked('two', 'one', 3500)]);
      assert.equal((await recordOf(store, 'one')).head_seq, 4001);
    },
  },
  {
    title: 'a fork under an id that is taken is refused',
    async check(store) {
      await addSource(store);
      await addSession(store, 'two', { name: 'mine' });
      await fails(forkTo(store, 'one', 'two', 4), 'session_exists');
      await fails(forkTo(store, 'one', 'one', 4), 'session_exists');
      assert.deepEqual(await store.readJournal('two', 0, 10), [created('two')]);
      assert.equal((await recordOf(store, 'two')).name, 'mine');
      assert.equal((await recordOf(store, 'one')).head_seq, 6);
    },
  },
  {
    title: 'of two forks for one id one is refused',
    async check(store) {
      await addSource(store);
      const outcomes = await Promise.allSettled([4, 2].map((seq) => forkTo(store, 'one', 'two', seq)));
      assert.deepEqual(outcomes.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
      const seq = outcomes[0]?.status === 'fulfilled' ? 4 : 2;
      assert.deepEqual((await store.readJournal('two', 0, 10)).at(-1), forked('two', 'one', seq));
    },
  },
  {
    title: 'a fork of a session that is not there is refused',
    async check(store) {
      await fails(forkTo(store, 'missing', 'two', 0), 'session_not_found');
      assert.equal(await store.getSession('two'), null);
    },
  },
  {
    title: 'a fork from a place that the journal has not is refused',
    async check(store) {
      await addSource(store);
      for (const seq of [7, -1, 1.5]) await fails(forkTo(store, 'one', 'two', seq), 'conflict');
      assert.equal(await store.getSession('two'), null);
    },
  },
  {
    title: 'a fork whose own event or record does not fit leaves nothing',
    async check(store) {
      await addSource(store);
      const wrong = (id: string, seq: number, changes = {}) =>
        store.forkSession({
          source_id: 'one',
          record: record('two', changes),
          at_seq: 4,
          event: { ...forked(id, 'one', 4), seq },
        });
      await fails(wrong('two', 7), 'conflict');
      await fails(wrong('other', 5), 'internal');
      await fails(wrong('two', 5, { timeout_s: Number.NaN }), 'internal');
      assert.equal(await store.getSession('two'), null);
      await forkTo(store, 'one', 'two', 4);
    },
  },
];
