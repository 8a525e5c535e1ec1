/** Rules of the store contract: sessions of the house, whose ids begin with `~` and which no user can name. */
import assert from 'node:assert/strict';
import type { ISessionStore, SessionQuery } from '../types/store.js';
import { addSession, append, checkpoint, forkTo, input, putNamed, recordOf, text } from './store-rules.js';
import type { StoreRule } from './store-rules.js';

const listed = async (store: ISessionStore, query: Partial<SessionQuery> = {}) => {
  const { sessions, total } = await store.listSessions({ limit: 100, ...query });
  return { ids: sessions.map(({ session_id }) => session_id), total };
};

export const hiddenRules: readonly StoreRule[] = [
  {
    title: 'sessions of the house are listed only when they are asked for',
    async check(store) {
      for (const id of ['a', 'z', '~a', '~s.1:x_-']) await addSession(store, id, { tags: ['t'] });
      assert.deepEqual(await listed(store), { ids: ['a', 'z'], total: 2 });
      assert.deepEqual(await listed(store, { hidden: false, owner: 'ada' }), { ids: ['a', 'z'], total: 2 });
      const hidden = { ids: ['~a', '~s.1:x_-'], total: 2 };
      assert.deepEqual(await listed(store, { hidden: true }), hidden);
      assert.deepEqual(await listed(store, { hidden: true, tag: 't', owner: 'ada' }), hidden);
      const named = { session_ids: ['a', '~a'] };
      assert.deepEqual(await listed(store, named), { ids: ['a'], total: 1 });
      assert.deepEqual(await listed(store, { ...named, hidden: true }), { ids: ['~a'], total: 1 });
    },
  },
  {
    title: 'sessions of the house are kept like all others',
    async check(store) {
      await addSession(store, 'one');
      const part = await putNamed(store, 'a', 'kept');
      await store.addCheckpoint('one', checkpoint('c1', [part]), {});
      await forkTo(store, 'one', '~copy', 0);
      await store.deleteSession('one');
      await append(store, '~copy', [input('~copy', 2, 'key'), text('~copy', 3)]);
      const { session_id, head_seq } = await recordOf(store, '~copy');
      assert.deepEqual([session_id, head_seq], ['~copy', 3]);
      assert.equal((await store.findInput('~copy', 'key'))?.session_id, '~copy');
      assert.equal((await store.listCheckpoints('~copy')).length, 1);
      await forkTo(store, '~copy', 'two', 3);
      assert.equal(await store.deleteSession('~copy'), true);
      assert.equal((await store.readJournal('two', 0, 10)).length, 5);
      assert.equal((await store.getPart(part.hash)).length, 4);
    },
  },
  {
    title: 'sessions of the house do not count when the store is opened again',
    needsReopen: true,
    async check(store, reopen) {
      await addSession(store, 'one');
      await addSession(store, '~two');
      const again = await reopen(store);
      assert.deepEqual(await listed(again, { hidden: true }), { ids: ['~two'], total: 1 });
      assert.deepEqual(await listed(again), { ids: ['one'], total: 1 });
    },
  },
];
