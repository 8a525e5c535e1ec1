/** Broken stores: records of sessions and lists of them. */
import { isSojournError } from '../../src/types/errors.js';
import type { ErrorCode } from '../../src/types/errors.js';
import type { SessionRecord } from '../../src/types/session.js';
import type { ISessionStore } from '../../src/types/store.js';
import type { BrokenStore } from './broken-stores.js';

/** `otherwise` instead of failing with `code`. */
export async function forgiving<T>(
  work: Promise<T>,
  code: ErrorCode,
  otherwise: () => T | Promise<T>,
): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (isSojournError(error, code)) return otherwise();
    throw error;
  }
}

/** Changes every record on its way out of `getSession`. */
export const seen =
  (change: (record: SessionRecord) => SessionRecord) =>
  (sound: ISessionStore): Partial<ISessionStore> => ({
    async getSession(id) {
      const record = await sound.getSession(id);
      return record && change(record);
    },
  });

const records: BrokenStore[] = [
  {
    fault: 'loses keys named __proto__',
    breaks: ['a record comes back as it was given'],
    make: seen((record) => {
      const options = Object.fromEntries(
        Object.entries(record.options).filter(([key]) => key !== '__proto__'),
      );
      return { ...record, options };
    }),
  },
  {
    fault: 'makes up sessions',
    breaks: [
      'a session that is not there is null',
      'a first event that is not number 0 is refused',
      'a deleted session leaves nothing behind',
      'a deleted session stays deleted when the store is opened again',
      'a fork of a session that is not there is refused',
      'a fork from a place that the journal has not is refused',
      'a fork whose own event or record does not fit leaves nothing',
    ],
    make: (sound) => ({
      async getSession(id) {
        const [any] = (await sound.listSessions({ limit: 1 })).sessions;
        return (await sound.getSession(id)) ?? { ...any!, session_id: id };
      },
    }),
  },
  {
    fault: 'replaces a session of the same id',
    breaks: ['a second session of one id is refused and changes nothing'],
    make: (sound) => ({
      async createSession(record, first) {
        await sound.deleteSession(record.session_id);
        await sound.createSession(record, first);
      },
    }),
  },
  {
    fault: 'believes the head that a new record claims',
    breaks: ['a journal begins with the first event'],
    make: (sound) => {
      const claimed = new Map<string, number>();
      return {
        createSession(record, first) {
          if (record.head_seq > 0) claimed.set(record.session_id, record.head_seq);
          return sound.createSession(record, first);
        },
        async getSession(id) {
          const record = await sound.getSession(id);
          return record && { ...record, head_seq: claimed.get(id) ?? record.head_seq };
        },
      };
    },
  },
  {
    fault: 'numbers the first event itself',
    breaks: ['a first event that is not number 0 is refused'],
    make: (sound) => ({
      createSession: (record, first) => sound.createSession(record, { ...first, seq: 0 }),
    }),
  },
  {
    fault: 'changes more than a patch names',
    breaks: [
      'a patch changes what it names and nothing else',
      'head, bytes and checkpoints are counted, not patched',
    ],
    make: (sound) => ({
      updateSession: (id, patch) =>
        sound.updateSession(id, { last_activity: '2030-01-01T00:00:00.000Z', ...patch }),
    }),
  },
  {
    fault: 'takes undefined for a value',
    breaks: ['a patch leaves out what is undefined'],
    make: (sound) => ({
      updateSession: (id, patch) =>
        sound.updateSession(id, 'name' in patch && patch.name === undefined ? { ...patch, name: '' } : patch),
    }),
  },
  {
    fault: 'passes over a malformed patch',
    breaks: ['a patch that makes the record unreadable is refused'],
    make: (sound) => ({
      updateSession: (id, patch) =>
        forgiving(sound.updateSession(id, patch), 'internal', async () => (await sound.getSession(id))!),
    }),
  },
  {
    fault: 'patches sessions that are not there',
    breaks: ['a patch of a session that is not there is refused'],
    make: (sound) => ({
      updateSession: (id, patch) =>
        forgiving(
          sound.updateSession(id, patch),
          'session_not_found',
          () => ({ session_id: id }) as SessionRecord,
        ),
    }),
  },
  {
    fault: 'lets counts be patched',
    breaks: ['head, bytes and checkpoints are counted, not patched'],
    make: (sound) => {
      const patched = new Map<string, number>();
      return {
        updateSession(id, patch) {
          if (patch.stored_bytes !== undefined) patched.set(id, patch.stored_bytes);
          return sound.updateSession(id, patch);
        },
        async getSession(id) {
          const record = await sound.getSession(id);
          return record && { ...record, stored_bytes: patched.get(id) ?? record.stored_bytes };
        },
      };
    },
  },
  {
    fault: 'lets the epoch go down',
    breaks: ['the stored epoch never goes down'],
    make: (sound) => ({
      async updateSession(id, patch) {
        const record = await sound.updateSession(id, patch);
        return { ...record, epoch: patch.epoch ?? record.epoch };
      },
    }),
  },
  {
    fault: 'hands out what it holds',
    breaks: ['what is handed out is a copy'],
    make: (sound) => {
      const tags = new Map<string, string[]>();
      return {
        async getSession(id) {
          const record = await sound.getSession(id);
          if (!record) return null;
          const held = tags.get(id) ?? record.tags;
          tags.set(id, held);
          return held.join().startsWith(record.tags.join()) && held.includes('taken')
            ? { ...record, tags: held }
            : (tags.set(id, record.tags), record);
        },
      };
    },
  },
  {
    fault: 'keeps the keys of deleted sessions',
    breaks: ['a deleted session leaves nothing behind', 'a re-created session begins anew'],
    make: (sound) => {
      const inputs = new Map<string, Awaited<ReturnType<ISessionStore['findInput']>>>();
      return {
        async deleteSession(id) {
          inputs.set(id, await sound.findInput(id, 'key'));
          return sound.deleteSession(id);
        },
        findInput: async (id, key) => inputs.get(id) ?? sound.findInput(id, key),
      };
    },
  },
  {
    fault: 'says that it deleted whatever it was asked to',
    breaks: ['deleting what is not there is false'],
    make: (sound) => ({
      async deleteSession(id) {
        await sound.deleteSession(id);
        return true;
      },
    }),
  },
];

/** Lists that are asked for, or given back, in another way. */
const listing =
  (change: (sound: ISessionStore) => ISessionStore['listSessions']) => (sound: ISessionStore) => ({
    listSessions: change(sound),
  });

const lists: BrokenStore[] = [
  {
    fault: 'lists in the wrong order',
    breaks: [
      'lists show the newest first, then by id',
      'lists are filtered by owner, kind and failure',
      'lists of named sessions leave out unknown ones',
      'lists are filtered by the last activity as it is now',
      'sessions of the house are listed only when they are asked for',
    ],
    make: listing((sound) => async (query) => {
      const page = await sound.listSessions(query);
      return { ...page, sessions: page.sessions.reverse() };
    }),
  },
  {
    fault: 'lists only half of a record',
    breaks: ['lists hold whole records'],
    make: listing((sound) => async (query) => {
      const page = await sound.listSessions(query);
      return { ...page, sessions: page.sessions.map((record) => ({ ...record, options: {} })) };
    }),
  },
  {
    fault: 'does not look at failures',
    breaks: ['lists are filtered by owner, kind and failure'],
    make: listing((sound) => (query) => sound.listSessions({ ...query, failed: undefined })),
  },
  {
    fault: 'does not look at tags',
    breaks: [
      'lists are filtered by tag as it is now',
      'a fork has the record that it was given, and none of the record of its source',
    ],
    make: listing((sound) => (query) => sound.listSessions({ ...query, tag: undefined })),
  },
  {
    fault: 'lists all when asked for some',
    breaks: [
      'lists of named sessions leave out unknown ones',
      'sessions of the house are listed only when they are asked for',
    ],
    make: listing((sound) => (query) => sound.listSessions({ ...query, session_ids: undefined })),
  },
  {
    fault: 'counts the page only',
    breaks: [
      'the total counts all that match, on the page or not',
      'a last page has no cursor',
      'lists are filtered by the last activity as it is now',
    ],
    make: listing((sound) => async (query) => {
      const page = await sound.listSessions(query);
      return { ...page, total: page.sessions.length };
    }),
  },
  {
    fault: 'lists whom nobody uses any more',
    breaks: ['lists are filtered by the last activity as it is now'],
    make: listing(
      (sound) =>
        ({ active: _active, ...query }) =>
          sound.listSessions(query),
    ),
  },
  {
    fault: 'gives a cursor beyond the last page',
    breaks: ['a last page has no cursor'],
    make: listing((sound) => async (query) => {
      const page = await sound.listSessions(query);
      return query.limit === 2 && page.next_cursor === null ? { ...page, next_cursor: 'WyJ4IiwieCJd' } : page;
    }),
  },
  {
    fault: 'pages by number',
    breaks: [
      'pages have no gap and no duplicate while sessions are added',
      'a cursor that is none is refused',
    ],
    make: listing((sound) => async (query) => {
      const skipped = Number(query.cursor ?? 0) || 0;
      const page = await sound.listSessions({ ...query, cursor: undefined, limit: skipped + query.limit });
      const next_cursor = page.next_cursor === null ? null : String(skipped + query.limit);
      return { ...page, sessions: page.sessions.slice(skipped), next_cursor };
    }),
  },
  {
    fault: 'takes any cursor',
    breaks: ['a cursor that is none is refused'],
    make: listing(
      (sound) => (query) =>
        forgiving(sound.listSessions(query), 'invalid_params', () =>
          sound.listSessions({ ...query, cursor: undefined }),
        ),
    ),
  },
];

export const brokenRecords: readonly BrokenStore[] = [...records, ...lists];
