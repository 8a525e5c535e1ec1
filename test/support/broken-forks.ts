/** Broken stores: sessions that are forked from others. */
import type { ISessionStore, SessionFork } from '../../src/types/store.js';
import { SojournError } from '../../src/types/errors.js';
import { created } from '../../src/contracts/store-rules.js';
import { losing, partsOf } from './broken-parts.js';
import { forgiving, seen } from './broken-records.js';
import type { BrokenStore } from './broken-stores.js';

const forking =
  (change: (sound: ISessionStore, fork: SessionFork) => Promise<void>) => (sound: ISessionStore) => ({
    forkSession: (fork: SessionFork) => change(sound, fork),
  });

/** Forks soundly and remembers what came from where. */
function remembering(sound: ISessionStore) {
  const sources = new Map<string, string>();
  const forkSession = async (fork: SessionFork) => {
    await sound.forkSession(fork);
    sources.set(fork.record.session_id, fork.source_id);
  };
  return { sources, forkSession };
}

const isFork = (record: { uid: string } | null): boolean => record?.uid === 'uforked12345';

const contents: BrokenStore[] = [
  {
    fault: 'leaves the id of the source in the events of a fork',
    breaks: [
      'a fork has the events of its source up to its place, then its own',
      'a long history is forked whole while its source goes on',
      'of two forks for one id one is refused',
    ],
    make: (sound) => {
      const { sources, forkSession } = remembering(sound);
      return {
        forkSession,
        async readJournal(id, from, limit) {
          const events = await sound.readJournal(id, from, limit);
          return events.map((event) => ({ ...event, session_id: sources.get(id) ?? id }));
        },
      };
    },
  },
  {
    fault: 'gives a fork the tags of its source',
    breaks: ['a fork has the record that it was given, and none of the record of its source'],
    make: forking(async (sound, fork) => {
      const tags = (await sound.getSession(fork.source_id))?.tags ?? [];
      await sound.forkSession({ ...fork, record: { ...fork.record, tags } });
    }),
  },
  {
    fault: 'gives a fork every checkpoint there is',
    breaks: [
      'a fork has every checkpoint of its source up to its place',
      'a part of a later checkpoint is not held by a fork',
      'a fork of a source that is being deleted is whole or not there',
    ],
    make: forking(async (sound, fork) => {
      await sound.forkSession(fork);
      const { session_id } = fork.record;
      const record = await sound.getSession(session_id);
      const { head_checkpoint, branch } = record ?? fork.record;
      for (const node of await sound.listCheckpoints(fork.source_id))
        if (node.seq > fork.at_seq) await sound.addCheckpoint(session_id, node, { head_checkpoint, branch });
    }),
  },
  {
    fault: 'starts a fork from the newest checkpoint of any branch',
    breaks: [
      'a fork starts from the newest checkpoint on the path to the head of its source',
      'a fork starts from the checkpoint that it is told, on whatever branch it is',
    ],
    make: forking(async (sound, fork) => {
      await sound.forkSession(fork);
      const { session_id } = fork.record;
      const newest = (await sound.listCheckpoints(session_id)).toSorted((a, b) => a.seq - b.seq).at(-1);
      if (!newest) return;
      const { checkpoint_id, branch } = newest;
      await sound.updateSession(session_id, { head_checkpoint: checkpoint_id, branch });
    }),
  },
  {
    fault: 'starts every fork from the path to the head of its source',
    breaks: ['a fork starts from the checkpoint that it is told, on whatever branch it is'],
    make: forking((sound, { head_checkpoint: _, ...fork }) => sound.forkSession(fork)),
  },
  {
    fault: 'counts no bytes of a history that was forked',
    breaks: ['a fork counts what it has like every session'],
    make: seen((record) => (isFork(record) ? { ...record, stored_bytes: 1 } : record)),
  },
  {
    fault: 'finds inputs that came with a fork',
    breaks: ['an input that came with a fork answers no call to it'],
    make: (sound) => ({
      async findInput(id, key) {
        const events = await forgiving(sound.readJournal(id, 0, 100), 'session_not_found', () => []);
        return events.findLast((event) => event.type === 'input' && event.idempotency_key === key) ?? null;
      },
    }),
  },
  {
    fault: 'forks no forks',
    breaks: [
      'a fork of a fork has the history of both',
      'a part goes with the last of a source and its forks',
      'a fork begins with the notes of its source, and from then on has its own',
      'sessions of the house are kept like all others',
    ],
    make: forking(async (sound, fork) => {
      if (isFork(await sound.getSession(fork.source_id)))
        throw new SojournError('not_supported', 'This is a fork.');
      await sound.forkSession(fork);
    }),
  },
  {
    fault: 'forks the first thousand events only',
    breaks: ['a long history is forked whole while its source goes on'],
    make: forking((sound, fork) => {
      if (fork.at_seq <= 1000) return sound.forkSession(fork);
      return sound.forkSession({ ...fork, at_seq: 1000, event: { ...fork.event, seq: 1001 } });
    }),
  },
];

const refusals: BrokenStore[] = [
  {
    fault: 'replaces a session by a fork of the same id',
    breaks: ['a fork under an id that is taken is refused'],
    make: forking(async (sound, fork) => {
      const { session_id } = fork.record;
      if (session_id !== fork.source_id) await sound.deleteSession(session_id);
      await sound.forkSession(fork);
    }),
  },
  {
    fault: 'lets the last of several forks win',
    breaks: ['of two forks for one id one is refused'],
    make: forking(async (sound, fork) => {
      const { session_id } = fork.record;
      if (await sound.getSession(session_id)) return sound.forkSession(fork);
      await forgiving(sound.forkSession(fork), 'session_exists', async () => {
        await sound.deleteSession(session_id);
        await sound.forkSession(fork);
      });
    }),
  },
  {
    fault: 'makes an empty session of a source that is not there',
    breaks: ['a fork of a session that is not there is refused'],
    make: forking((sound, fork) =>
      forgiving(sound.forkSession(fork), 'session_not_found', () =>
        sound.createSession(fork.record, created(fork.record.session_id)),
      ),
    ),
  },
  {
    fault: 'forks at the head what lies beyond it',
    breaks: ['a fork from a place that the journal has not is refused'],
    make: forking(async (sound, fork) => {
      const head = (await sound.getSession(fork.source_id))?.head_seq ?? -1;
      if (head < 0 || fork.at_seq <= head) return sound.forkSession(fork);
      await sound.forkSession({ ...fork, at_seq: head, event: { ...fork.event, seq: head + 1 } });
    }),
  },
  {
    fault: 'numbers the own event of a fork itself',
    breaks: ['a fork whose own event or record does not fit leaves nothing'],
    make: forking((sound, fork) =>
      sound.forkSession({ ...fork, event: { ...fork.event, seq: fork.at_seq + 1 } }),
    ),
  },
];

const sharing: BrokenStore[] = [
  {
    fault: 'renames a source with its fork',
    breaks: ['a fork and its source go on apart'],
    make: (sound) => {
      const { sources, forkSession } = remembering(sound);
      return {
        forkSession,
        async append(append) {
          await sound.append(append);
          const source = sources.get(append.session_id);
          const name = append.patch?.name;
          if (source !== undefined && name !== undefined) await sound.updateSession(source, { name });
        },
      };
    },
  },
  {
    fault: 'deletes forks with their source',
    breaks: [
      'a fork loses nothing when its source is deleted',
      'a part goes with the last of a source and its forks',
      'a fork of a source that is being deleted is whole or not there',
      'a fork is there when the store is opened again',
      'a fork begins with the notes of its source, and from then on has its own',
      'sessions of the house are kept like all others',
    ],
    make: (sound) => {
      const { sources, forkSession } = remembering(sound);
      return {
        forkSession,
        async deleteSession(id) {
          for (const [fork, source] of sources) if (source === id) await sound.deleteSession(fork);
          return sound.deleteSession(id);
        },
      };
    },
  },
  {
    fault: 'takes the parts of a source along with its fork',
    breaks: [
      'a source loses nothing when its fork is deleted',
      'a part goes with the last of a source and its forks',
      'sessions of the house are kept like all others',
    ],
    make: (sound) => {
      const lost = new Set<string>();
      return {
        ...losing(lost, sound),
        async deleteSession(id) {
          if (isFork(await sound.getSession(id))) for (const hash of await partsOf(sound, id)) lost.add(hash);
          return sound.deleteSession(id);
        },
      };
    },
  },
  {
    fault: 'forgets forks when it is closed',
    breaks: ['a fork is there when the store is opened again'],
    onReopen: async (sound) => {
      const { sessions } = await sound.listSessions({ limit: 100 });
      for (const record of sessions) if (isFork(record)) await sound.deleteSession(record.session_id);
    },
  },
];

export const brokenForks: readonly BrokenStore[] = [...contents, ...refusals, ...sharing];
