/** Broken stores: what may be appended, and what comes back. */
import type { SessionEvent } from '../../src/types/events.js';
import type { Append, ISessionStore } from '../../src/types/store.js';
import { forgiving } from './broken-records.js';
import type { BrokenStore } from './broken-stores.js';

const headOf = async (sound: ISessionStore, id: string): Promise<number> =>
  (await sound.getSession(id))?.head_seq ?? -1;

const appending =
  (change: (sound: ISessionStore, append: Append) => Promise<void>) => (sound: ISessionStore) => ({
    append: (append: Append) => change(sound, append),
  });

/** Changes the events on their way out. */
const reading =
  (change: (events: SessionEvent[], limit: number, from: number) => SessionEvent[]) =>
  (sound: ISessionStore) => ({
    readJournal: async (id: string, from: number, limit: number) =>
      change(await sound.readJournal(id, from, limit), limit, from),
  });

const writers: BrokenStore[] = [
  {
    fault: 'gives events back in another order',
    breaks: ['appended events come back in order'],
    make: reading((events) =>
      events.length === 4 && events[1]?.type === 'input' ? events.reverse() : events,
    ),
  },
  {
    fault: 'closes gaps by itself',
    breaks: ['an append that leaves a gap is refused'],
    make: appending((sound, append) =>
      forgiving(sound.append(append), 'conflict', async () => {
        const due = (await headOf(sound, append.session_id)) + 1;
        const [only, ...more] = append.events;
        const isGap = only && more.length === 0 && only.seq > due;
        await sound.append(isGap ? { ...append, events: [{ ...only, seq: due }] } : append);
      }),
    ),
  },
  {
    fault: 'passes over events whose place is taken',
    breaks: [
      'an append of a seq that is taken is refused',
      'of two appends for one place one is refused',
      'writers go on where they were when the store is opened again',
    ],
    make: appending((sound, append) =>
      forgiving(sound.append(append), 'conflict', async () => {
        const record = await sound.getSession(append.session_id);
        const [first] = append.events;
        const isTaken = record && first && first.seq <= record.head_seq && append.epoch >= record.epoch;
        if (!isTaken) await sound.append(append);
      }),
    ),
  },
  {
    fault: 'appends event by event',
    breaks: [
      'an append with one bad event leaves nothing',
      'an event that could not be read again is refused',
    ],
    make: appending(async (sound, append) => {
      if (append.events.length < 2 || append.events.length > 100) return sound.append(append);
      for (const event of append.events) await sound.append({ ...append, events: [event], patch: {} });
      await sound.append({ ...append, events: [] });
    }),
  },
  {
    fault: 'patches after it appended',
    breaks: ['an append with a bad patch leaves nothing'],
    make: appending(async (sound, append) => {
      await sound.append({ ...append, patch: {} });
      if (append.patch) await sound.updateSession(append.session_id, append.patch);
    }),
  },
  {
    fault: 'passes over events that it cannot keep',
    breaks: ['an event that could not be read again is refused'],
    make: appending((sound, append) =>
      append.patch ? sound.append(append) : forgiving(sound.append(append), 'internal', () => undefined),
    ),
  },
  {
    fault: 'passes over sessions that are not there',
    breaks: ['an append to a session that is not there is refused'],
    make: appending((sound, append) => forgiving(sound.append(append), 'session_not_found', () => undefined)),
  },
  {
    fault: 'ignores the patch of an append',
    breaks: ['an append changes the record with the events', 'an append with a bad patch leaves nothing'],
    make: appending((sound, append) =>
      sound.append(append.events.length > 0 ? { ...append, patch: undefined } : append),
    ),
  },
  {
    fault: 'does nothing where there are no events',
    breaks: ['an append without events changes the record alone'],
    make: appending(async (sound, append) => {
      if (append.events.length > 0) await sound.append(append);
    }),
  },
  {
    fault: 'lets everybody write',
    breaks: [
      'a writer of an older epoch is refused',
      'a writer of a newer epoch shuts the older one out',
      'writers go on where they were when the store is opened again',
    ],
    make: appending(async (sound, append) => {
      const stored = (await sound.getSession(append.session_id))?.epoch ?? 0;
      await sound.append({ ...append, epoch: Math.max(append.epoch, stored) });
    }),
  },
  {
    fault: 'does not note who wrote last',
    breaks: [
      'a writer of a newer epoch shuts the older one out',
      'writers go on where they were when the store is opened again',
    ],
    make: appending(async (sound, append) => {
      const stored = (await sound.getSession(append.session_id))?.epoch ?? 0;
      await sound.append({ ...append, epoch: Math.min(append.epoch, stored), patch: { ...append.patch } });
      if (append.epoch < stored) throw new Error('unreachable: refused above');
    }),
  },
  {
    fault: 'lets appends overtake each other',
    breaks: ['appends that come together are applied in their order'],
    make: appending(async (sound, append) => {
      if ((append.events[0]?.seq ?? 0) % 7 === 3) await new Promise(setImmediate);
      await sound.append(append);
    }),
  },
  {
    fault: 'mixes journals up',
    breaks: ['sessions have journals of their own'],
    make: (sound) => ({
      async readJournal(id, from, limit) {
        const other = id === 'one' && (await headOf(sound, 'two')) === 1 ? 'two' : id;
        return sound.readJournal(other, from, limit);
      },
    }),
  },
  {
    fault: 'cannot sync',
    breaks: ['every durability is taken, and sync resolves'],
    make: () => ({ sync: () => Promise.reject(new Error('no disk')) }),
  },
];

const readers: BrokenStore[] = [
  {
    fault: 'reads more than it was asked for',
    breaks: ['a journal is read from a place on and up to a limit'],
    make: (sound) => ({ readJournal: (id, from, limit) => sound.readJournal(id, from, Math.max(limit, 5)) }),
  },
  {
    fault: 'has an empty journal for sessions that are not there',
    breaks: [
      'a journal of a session that is not there is refused',
      'a deleted session leaves nothing behind',
    ],
    make: (sound) => ({
      readJournal: (id, from, limit) =>
        forgiving(sound.readJournal(id, from, limit), 'session_not_found', () => []),
    }),
  },
  {
    fault: 'finds inputs of other sessions',
    breaks: [
      'an input is found by its key',
      'an input that came with a fork answers no call to it',
      'a fork loses nothing when its source is deleted',
      'a fork is there when the store is opened again',
    ],
    make: (sound) => ({
      async findInput(id, key) {
        const own = await sound.findInput(id, key);
        return own ?? (id === 'two' ? sound.findInput('one', key) : null);
      },
    }),
  },
  {
    fault: 'finds the oldest input',
    breaks: [
      'of several inputs with one key the newest is found',
      'an input that came with a fork answers no call to it',
    ],
    make: (sound) => ({
      async findInput(id, key) {
        const found = await sound.findInput(id, key);
        if (!found) return null;
        const events = await sound.readJournal(id, 0, 100);
        return events.find((event) => event.type === 'input' && event.idempotency_key === key) ?? null;
      },
    }),
  },
  {
    fault: 'takes broken characters for the same',
    breaks: [
      'keys that are not well-formed text are told apart',
      'an input that came with a fork answers no call to it',
    ],
    make: (sound) => ({
      async findInput(id, key) {
        const events = (await sound.getSession(id)) ? await sound.readJournal(id, 0, 100) : [];
        const plain = (text: string) => text.replaceAll(/[\ud800-\udfff]/g, '?');
        const same = (event: SessionEvent) =>
          event.type === 'input' && plain(event.idempotency_key ?? '') === plain(key);
        return events.findLast(same) ?? null;
      },
    }),
  },
  {
    fault: 'cuts long events off',
    breaks: ['an event of 1 MB comes back whole'],
    make: reading((events) =>
      events.map((event) =>
        event.type === 'stdout' ? { ...event, text: event.text.slice(0, 500_000) } : event,
      ),
    ),
  },
  {
    fault: 'reads a thousand events at most',
    breaks: [
      '5,000 events come back in one piece',
      'a long history is forked whole while its source goes on',
    ],
    make: reading((events) => events.slice(0, 1000)),
  },
  {
    fault: 'cannot keep broken characters',
    breaks: ['awkward text and keys come back as they were'],
    make: reading((events) =>
      events.map((event) =>
        event.type === 'stdout'
          ? { ...event, text: event.text.replaceAll(/[\ud800-\udfff](?![\udc00-\udfff])/g, '?') }
          : event,
      ),
    ),
  },
  {
    fault: 'keeps the objects that it was given',
    breaks: ['a change to an event after it was appended is not stored'],
    make: (sound) => {
      const given = new Map<number, SessionEvent>();
      return {
        append(append) {
          for (const event of append.events) if (event.type === 'input') given.set(event.seq, event);
          return sound.append(append);
        },
        async readJournal(id, from, limit) {
          const events = await sound.readJournal(id, from, limit);
          const changed = given.get(1);
          return events.map((event) =>
            event.seq === 1 && changed?.type === 'input' && changed.params['code'] === 'after'
              ? changed
              : event,
          );
        },
      };
    },
  },
];

export const brokenJournals: readonly BrokenStore[] = [...writers, ...readers];
