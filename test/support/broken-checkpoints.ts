/** Broken stores: checkpoints, answers, opening and closing. */
import type { ISessionStore } from '../../src/types/store.js';
import { forgiving, seen } from './broken-records.js';
import type { BrokenStore } from './broken-stores.js';

const checkpoints: BrokenStore[] = [
  {
    fault: 'forgets what a checkpoint did not keep',
    breaks: ['a checkpoint comes back as it was given'],
    make: (sound) => ({
      async getCheckpoint(id, name) {
        const found = await sound.getCheckpoint(id, name);
        return found && { ...found, not_kept: [] };
      },
    }),
  },
  {
    fault: 'leaves the head where it was',
    breaks: [
      'a checkpoint moves the head and the branch and is counted',
      'a fork starts from the newest checkpoint on the path to the head of its source',
      'a fork of a fork has the history of both',
      'the head is not removed, nor anything with it',
    ],
    make: (sound) => ({
      addCheckpoint: (id, checkpoint, patch) =>
        sound.addCheckpoint(id, checkpoint, { head_checkpoint: null, ...patch }),
    }),
  },
  {
    fault: 'ignores the patch of a checkpoint',
    breaks: ['a checkpoint changes the record by its patch'],
    make: (sound) => ({ addCheckpoint: (id, checkpoint) => sound.addCheckpoint(id, checkpoint, {}) }),
  },
  {
    fault: 'lists checkpoints by name',
    breaks: ['checkpoints form a tree and are listed oldest first'],
    make: (sound) => ({
      async listCheckpoints(id) {
        const found = await sound.listCheckpoints(id);
        return found.sort((a, b) => (a.checkpoint_id < b.checkpoint_id ? -1 : 1));
      },
    }),
  },
  {
    fault: 'fails where a checkpoint is not there',
    breaks: ['a checkpoint that is not there is null', 'a deleted session leaves nothing behind'],
    make: (sound) => ({
      async getCheckpoint(id, name) {
        await sound.listCheckpoints(id);
        return sound.getCheckpoint(id, name);
      },
    }),
  },
  {
    fault: 'has no checkpoints for sessions that are not there',
    breaks: ['checkpoints of a session that is not there are refused'],
    make: (sound) => ({
      listCheckpoints: (id) => forgiving(sound.listCheckpoints(id), 'session_not_found', () => []),
    }),
  },
  {
    fault: 'passes over a second checkpoint of one id',
    breaks: ['a checkpoint id that is taken is refused'],
    make: (sound) => ({
      addCheckpoint: (id, checkpoint, patch) =>
        forgiving(sound.addCheckpoint(id, checkpoint, patch), 'conflict', () => undefined),
    }),
  },
  {
    fault: 'takes checkpoints without their parts',
    breaks: ['a checkpoint whose part is not there is refused'],
    make: (sound) => ({
      addCheckpoint: (id, checkpoint, patch) => {
        const parts = checkpoint.parts.filter((part) => sound.hasPart(part.hash));
        return sound.addCheckpoint(id, { ...checkpoint, parts }, patch);
      },
    }),
  },
  {
    fault: 'counts no bytes where a session is asked for',
    breaks: [
      'a patch changes what it names and nothing else',
      'lists hold whole records',
      'stored bytes grow by what is appended',
      'stored bytes count each distinct part once',
      'a removal counts checkpoints and bytes anew',
    ],
    make: seen((record) => ({ ...record, stored_bytes: 1 })),
  },
  {
    fault: 'gives answers to anybody',
    breaks: ['an answer comes back to the one who asked'],
    make: (sound) => ({
      getAnswer: (_principal, key) => sound.getAnswer('all', key),
      putAnswer: (_principal, key, answer) => sound.putAnswer('all', key, answer),
    }),
  },
  {
    fault: 'forgets all answers',
    breaks: ['pruning forgets older answers only'],
    make: (sound) => ({ pruneAnswers: () => sound.pruneAnswers('9999') }),
  },
];

const methods = [
  'createSession',
  'forkSession',
  'getSession',
  'updateSession',
  'deleteSession',
  'listSessions',
  'append',
  'sync',
  'readJournal',
  'findInput',
  'putPart',
  'getPart',
  'hasPart',
  'pinParts',
  'addCheckpoint',
  'listCheckpoints',
  'getCheckpoint',
  'listCheckpointNodes',
  'noteCheckpoint',
  'removeCheckpoints',
  'getAnswer',
  'putAnswer',
  'pruneAnswers',
];

const lifecycles: BrokenStore[] = [
  {
    fault: 'reports sessions that it has not',
    breaks: ['a fresh store opens empty and says so'],
    make: () => ({ open: async () => ({ sessions: 1, damaged: [], set_aside: [], lost: [] }) }),
  },
  { fault: 'works before it is opened', breaks: ['nothing works before open'], worksBeforeOpen: true },
  {
    fault: 'cannot be closed twice',
    breaks: ['dispose may come twice, and before open'],
    make: () => ({ dispose: () => Promise.reject(new Error('closed already')) }),
  },
  { fault: 'can be opened again', breaks: ['a closed store cannot be opened'], reopens: true },
  ...methods.map((method) => ({
    fault: `still does ${method} when it is closed`,
    breaks: [`${method} fails with closed after dispose`],
    worksClosed: [method],
  })),
  {
    fault: 'forgets answers when it is closed',
    breaks: ['what was stored is there when the store is opened again'],
    onReopen: (sound) => sound.pruneAnswers('9999'),
  },
  {
    fault: 'brings deleted sessions back',
    breaks: [
      'a deleted session stays deleted when the store is opened again',
      'a fork is there when the store is opened again',
    ],
    make: (sound) => ({
      async deleteSession(id) {
        const record = await sound.getSession(id);
        const [first] = record ? await sound.readJournal(id, 0, 1) : [];
        const done = await sound.deleteSession(id);
        if (record && first) deleted.set(sound, () => sound.createSession(record, first));
        return done;
      },
    }),
    onReopen: async (sound) => deleted.get(sound)?.(),
  },
];
const deleted = new WeakMap<ISessionStore, () => Promise<void>>();

export const brokenCheckpoints: readonly BrokenStore[] = [...checkpoints, ...lifecycles];
