/** Rules of the store contract: records of sessions, made, changed and deleted. */
import assert from 'node:assert/strict';
import {
  addSession,
  append,
  at,
  checkpoint,
  created,
  fails,
  input,
  putNamed,
  record,
  recordOf,
  text,
  parsed,
} from './store-rules.js';
import type { StoreRule } from './store-rules.js';

export const sessionRules: readonly StoreRule[] = [
  {
    title: 'a record comes back as it was given',
    async check(store) {
      const options: Record<string, unknown> = parsed(
        '{"__proto__": {"a": 1}, "nested": {"__proto__": [2]}, "text": "\\ud800 ünï \\u0000"}',
      );
      const given = record('s.1:a_-', {
        tags: ['b', 'a'],
        options,
        parent: { session_id: 'p', seq: 4 },
        failure: { code: 'kernel_died', detail: 'gone', at: at(1) },
        asleep: 'hibernated',
        variable_count: 3,
        epoch: 2,
        timeout_s: 0.5,
      });
      await store.createSession(given, created(given.session_id));
      const { stored_bytes } = await recordOf(store, given.session_id);
      assert.deepEqual(await store.getSession(given.session_id), { ...given, stored_bytes });
      const keys = Object.keys((await recordOf(store, given.session_id)).options);
      assert.deepEqual(keys, ['__proto__', 'nested', 'text']);
    },
  },
  {
    title: 'a session that is not there is null',
    async check(store) {
      await addSession(store, 'there');
      assert.equal(await store.getSession('missing'), null);
    },
  },
  {
    title: 'a second session of one id is refused and changes nothing',
    async check(store) {
      const first = await addSession(store, 'one', { name: 'first' });
      await fails(addSession(store, 'one', { name: 'second' }), 'session_exists');
      assert.equal((await recordOf(store, 'one')).name, first.name);
    },
  },
  {
    title: 'a journal begins with the first event',
    async check(store) {
      await addSession(store, 'one', { head_seq: 17 });
      assert.deepEqual(await store.readJournal('one', 0, 10), [created('one')]);
      assert.equal((await recordOf(store, 'one')).head_seq, 0);
    },
  },
  {
    title: 'a first event that is not number 0 is refused',
    async check(store) {
      await fails(store.createSession(record('one'), created('one', 1)), 'conflict');
      assert.equal(await store.getSession('one'), null);
    },
  },
  {
    title: 'a patch changes what it names and nothing else',
    async check(store) {
      await addSession(store, 'one', { tags: ['a'], options: { keep: true } });
      const before = await recordOf(store, 'one');
      const hot = { last_activity: at(9), total_executions: 4, variable_count: 2 };
      assert.deepEqual(await store.updateSession('one', hot), { ...before, ...hot });
      const cold = { name: 'new', tags: ['b'], asleep: 'hibernated' as const };
      assert.deepEqual(await store.updateSession('one', cold), { ...before, ...hot, ...cold });
      assert.deepEqual(await store.getSession('one'), { ...before, ...hot, ...cold });
    },
  },
  {
    title: 'a patch leaves out what is undefined',
    async check(store) {
      await addSession(store, 'one', { name: 'kept' });
      assert.equal((await store.updateSession('one', { name: undefined, branch: 'side' })).name, 'kept');
    },
  },
  {
    title: 'a patch that makes the record unreadable is refused',
    async check(store) {
      await addSession(store, 'one');
      const before = await recordOf(store, 'one');
      await fails(store.updateSession('one', { timeout_s: Number.NaN }), 'internal');
      await fails(store.updateSession('one', { total_executions: 1.5 }), 'internal');
      assert.deepEqual(await store.getSession('one'), before);
    },
  },
  {
    title: 'a patch of a session that is not there is refused',
    check: (store) => fails(store.updateSession('missing', { name: 'x' }), 'session_not_found'),
  },
  {
    title: 'head, bytes and checkpoints are counted, not patched',
    async check(store) {
      await addSession(store, 'one');
      const before = await recordOf(store, 'one');
      await store.updateSession('one', { head_seq: 9, stored_bytes: 9, checkpoint_count: 9 });
      assert.deepEqual(await store.getSession('one'), before);
    },
  },
  {
    title: 'the stored epoch never goes down',
    async check(store) {
      await addSession(store, 'one', { epoch: 3 });
      assert.equal((await store.updateSession('one', { epoch: 2 })).epoch, 3);
      assert.equal((await store.updateSession('one', { epoch: 4 })).epoch, 4);
    },
  },
  {
    title: 'what is handed out is a copy',
    async check(store) {
      const given = await addSession(store, 'one', { tags: ['a'] });
      given.tags.push('given');
      (await recordOf(store, 'one')).tags.push('taken');
      assert.deepEqual((await recordOf(store, 'one')).tags, ['a']);
    },
  },
  {
    title: 'a deleted session leaves nothing behind',
    async check(store) {
      await addSession(store, 'one', { tags: ['t'] });
      await append(store, 'one', [input('one', 1, 'key'), text('one', 2)]);
      await store.addCheckpoint('one', checkpoint('c1', [await putNamed(store, 'a', 'bytes')]), {});
      assert.equal(await store.deleteSession('one'), true);
      assert.equal(await store.getSession('one'), null);
      assert.equal(await store.findInput('one', 'key'), null);
      assert.equal(await store.getCheckpoint('one', 'c1'), null);
      assert.equal((await store.listSessions({ limit: 10, tag: 't' })).total, 0);
      await fails(store.readJournal('one', 0, 10), 'session_not_found');
    },
  },
  {
    title: 'deleting what is not there is false',
    async check(store) {
      await addSession(store, 'one');
      assert.equal(await store.deleteSession('missing'), false);
      assert.equal(await store.deleteSession('one'), true);
      assert.equal(await store.deleteSession('one'), false);
    },
  },
  {
    title: 'a re-created session begins anew',
    async check(store) {
      await addSession(store, 'one');
      await append(store, 'one', [input('one', 1, 'key'), text('one', 2)]);
      await store.deleteSession('one');
      await addSession(store, 'one', { uid: 'u2222222222' });
      assert.deepEqual(await store.readJournal('one', 0, 10), [created('one')]);
      assert.deepEqual(await store.listCheckpoints('one'), []);
      assert.equal(await store.findInput('one', 'key'), null);
    },
  },
];
