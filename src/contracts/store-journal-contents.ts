/** Rules of the store contract: what a journal gives back: ranges, look-ups by key, and awkward contents. */
import assert from 'node:assert/strict';
import type { SessionEvent } from '../types/events.js';
import { addSession, append, at, fails, input, text, parsed } from './store-rules.js';
import type { StoreRule } from './store-rules.js';

export const journalContentRules: readonly StoreRule[] = [
  {
    title: 'a journal is read from a place on and up to a limit',
    async check(store) {
      await addSession(store, 'one');
      await append(
        store,
        'one',
        [1, 2, 3, 4].map((seq) => text('one', seq)),
      );
      const read = async (from: number, limit: number) =>
        (await store.readJournal('one', from, limit)).map((event) => event.seq);
      assert.deepEqual(await read(2, 2), [2, 3]);
      assert.deepEqual(await read(3, 100), [3, 4]);
      assert.deepEqual(await read(5, 10), []);
      assert.deepEqual(await read(-3, 1), [0]);
      assert.deepEqual(await read(0, 0), []);
    },
  },
  {
    title: 'a journal of a session that is not there is refused',
    check: (store) => fails(store.readJournal('missing', 0, 1), 'session_not_found'),
  },
  {
    title: 'an input is found by its key',
    async check(store) {
      await addSession(store, 'one');
      await addSession(store, 'two');
      await append(store, 'one', [input('one', 1, 'k1'), input('one', 2), input('one', 3, 'k2')]);
      assert.deepEqual(await store.findInput('one', 'k1'), input('one', 1, 'k1'));
      assert.equal(await store.findInput('one', 'other'), null);
      assert.equal(await store.findInput('two', 'k1'), null);
      assert.equal(await store.findInput('missing', 'k1'), null);
    },
  },
  {
    title: 'of several inputs with one key the newest is found',
    async check(store) {
      await addSession(store, 'one');
      await append(store, 'one', [input('one', 1, 'k', 'a = 1'), input('one', 2, 'k', 'b = 2')]);
      assert.equal((await store.findInput('one', 'k'))?.seq, 2);
    },
  },
  {
    title: 'keys that are not well-formed text are told apart',
    async check(store) {
      await addSession(store, 'one');
      await append(store, 'one', [input('one', 1, '\ud800'), input('one', 2, 'a\u0000b')]);
      assert.equal((await store.findInput('one', '\ud800'))?.seq, 1);
      assert.equal(await store.findInput('one', '\ud801'), null);
      assert.equal(await store.findInput('one', 'a'), null);
    },
  },
  {
    title: 'an event of 1 MB comes back whole',
    async check(store) {
      await addSession(store, 'one');
      const long = 'äx'.repeat(2 ** 19);
      await append(store, 'one', [text('one', 1, long)]);
      const [event] = await store.readJournal('one', 1, 1);
      assert.ok(event?.type === 'stdout' && event.text === long);
    },
  },
  {
    title: '5,000 events come back in one piece',
    async check(store) {
      await addSession(store, 'one');
      const events = Array.from({ length: 5000 }, (_, index) => text('one', index + 1));
      await append(store, 'one', events);
      assert.deepEqual(await store.readJournal('one', 1, 6000), events);
    },
  },
  {
    title: 'awkward text and keys come back as they were',
    async check(store) {
      await addSession(store, 'one');
      const params: Record<string, unknown> = parsed(
        '{"__proto__": {"x": 1}, "in": {"__proto__": 2}, "": null}',
      );
      const awkward: SessionEvent[] = [
        {
          session_id: 'one',
          seq: 1,
          at: at(1),
          type: 'stdout',
          text: '\ud800 lone, \udfff low, 👩‍🚀, \u0000, \u2028',
        },
        { session_id: 'one', seq: 2, at: at(2), type: 'input', operation: 'x', params, principal: '\udc00' },
      ];
      await append(store, 'one', awkward);
      const read = await store.readJournal('one', 1, 5);
      assert.deepEqual(read, awkward);
      assert.equal(JSON.stringify(read[1]), JSON.stringify(awkward[1]));
      assert.equal(Object.prototype.hasOwnProperty.call({}, 'x'), false);
    },
  },
  {
    title: 'a change to an event after it was appended is not stored',
    async check(store) {
      await addSession(store, 'one');
      const params = { code: 'before' };
      await append(store, 'one', [
        { ...input('one', 1), type: 'input', operation: 'x', params, principal: 'p' },
      ]);
      params.code = 'after';
      const [event] = await store.readJournal('one', 1, 1);
      assert.ok(event?.type === 'input');
      assert.deepEqual(event.params, { code: 'before' });
    },
  },
];
