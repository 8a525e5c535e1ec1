/** Rules of the store contract: lists of sessions, their filters and pages. */
import assert from 'node:assert/strict';
import type { ISessionStore, SessionQuery } from '../types/store.js';
import { addSession, at, fails } from './store-rules.js';
import type { StoreRule } from './store-rules.js';

async function idsOf(store: ISessionStore, query: Partial<SessionQuery> = {}): Promise<string[]> {
  const page = await store.listSessions({ limit: 100, ...query });
  return page.sessions.map((session) => session.session_id);
}

export const listRules: readonly StoreRule[] = [
  {
    title: 'lists show the newest first, then by id',
    async check(store) {
      await addSession(store, 'b', { created_at: at(1) });
      await addSession(store, 'old', { created_at: at(0) });
      await addSession(store, 'a', { created_at: at(1) });
      await addSession(store, 'new', { created_at: at(2) });
      assert.deepEqual(await idsOf(store), ['new', 'a', 'b', 'old']);
    },
  },
  {
    title: 'lists hold whole records',
    async check(store) {
      await addSession(store, 'one', { tags: ['x'], options: { a: 1 } });
      const { sessions } = await store.listSessions({ limit: 1 });
      assert.deepEqual(sessions, [await store.getSession('one')]);
    },
  },
  {
    title: 'lists are filtered by owner, kind and failure',
    async check(store) {
      const failure = { code: 'storage_error', detail: 'x', at: at(0) };
      await addSession(store, 'a', { owner: 'bob', failure });
      await addSession(store, 'b', { kind: 'data' });
      await addSession(store, 'c');
      assert.deepEqual(await idsOf(store, { owner: 'bob' }), ['a']);
      assert.deepEqual(await idsOf(store, { kind: 'data' }), ['b']);
      assert.deepEqual(await idsOf(store, { failed: true }), ['a']);
      assert.deepEqual(await idsOf(store, { failed: false }), ['b', 'c']);
      assert.deepEqual(await idsOf(store, { owner: 'ada', kind: 'python' }), ['c']);
    },
  },
  {
    title: 'lists are filtered by tag as it is now',
    async check(store) {
      await addSession(store, 'a', { tags: ['x', 'y'] });
      await addSession(store, 'b', { tags: ['xx'] });
      assert.deepEqual(await idsOf(store, { tag: 'x' }), ['a']);
      await store.updateSession('a', { tags: ['y'] });
      await store.updateSession('b', { tags: ['x', '\ud800'] });
      assert.deepEqual(await idsOf(store, { tag: 'x' }), ['b']);
      assert.deepEqual(await idsOf(store, { tag: '\ud801' }), []);
    },
  },
  {
    title: 'lists of named sessions leave out unknown ones',
    async check(store) {
      for (const id of ['a', 'b', 'c']) await addSession(store, id);
      assert.deepEqual(await idsOf(store, { session_ids: ['c', 'missing', 'a'] }), ['a', 'c']);
      assert.deepEqual(await idsOf(store, { session_ids: [] }), []);
      assert.deepEqual(
        await idsOf(store, { except_ids: ['b', 'missing'] }),
        (await idsOf(store, {})).filter((id) => id !== 'b'),
      );
    },
  },
  {
    title: 'lists are filtered by the last activity as it is now',
    async check(store) {
      for (const id of ['a', 'b', 'c']) await addSession(store, id, { last_activity: at(1) });
      await store.updateSession('b', { last_activity: at(5) });
      assert.deepEqual(await idsOf(store, { active: { since: at(5), or_ids: [] } }), ['b']);
      assert.deepEqual(await idsOf(store, { active: { since: at(5), or_ids: ['c', 'missing'] } }), [
        'b',
        'c',
      ]);
      assert.deepEqual(await idsOf(store, { active: { since: at(1), or_ids: [] } }), ['a', 'b', 'c']);
      const page = await store.listSessions({ limit: 1, active: { since: at(5), or_ids: ['c'] } });
      assert.equal(page.total, 2);
    },
  },
  {
    title: 'the total counts all that match, on the page or not',
    async check(store) {
      for (let i = 0; i < 5; i += 1) await addSession(store, `s${i}`, { owner: i < 3 ? 'ada' : 'bob' });
      const first = await store.listSessions({ limit: 2, owner: 'ada' });
      assert.equal(first.total, 3);
      assert.ok(first.next_cursor);
      assert.equal(
        (await store.listSessions({ limit: 2, owner: 'ada', cursor: first.next_cursor })).total,
        3,
      );
    },
  },
  {
    title: 'a last page has no cursor',
    async check(store) {
      for (const id of ['a', 'b']) await addSession(store, id);
      assert.equal((await store.listSessions({ limit: 2 })).next_cursor, null);
      const counted = await store.listSessions({ limit: 0 });
      assert.deepEqual(counted, { sessions: [], total: 2, next_cursor: null });
      assert.equal((await store.listSessions({ limit: 3 })).next_cursor, null);
    },
  },
  {
    title: 'pages have no gap and no duplicate while sessions are added',
    async check(store) {
      const ids = Array.from({ length: 23 }, (_, index) => `s${String(index).padStart(2, '0')}`);
      for (const [index, id] of ids.entries()) await addSession(store, id, { created_at: at(index >> 2) });
      const seen: string[] = [];
      let cursor: string | undefined;
      for (let page = 0; page < 50; page += 1) {
        const found = await store.listSessions({ limit: 3, cursor });
        seen.push(...found.sessions.map((session) => session.session_id));
        if (found.next_cursor === null) break;
        cursor = found.next_cursor;
        await addSession(store, `later${page}`, { created_at: at(100 + page) });
      }
      assert.deepEqual([...seen].sort(), ids);
    },
  },
  {
    title: 'a cursor that is none is refused',
    async check(store) {
      for (const cursor of ['', 'x', '!!', 'WzEsMl0']) {
        await fails(store.listSessions({ limit: 1, cursor }), 'invalid_params');
      }
    },
  },
];
