/** Broken stores: notes on checkpoints, the tree as it is listed, checkpoints that are removed, sessions of the house. */
import { created } from '../../src/contracts/store-rules.js';
import type { CheckpointNode, ISessionStore } from '../../src/types/store.js';
import { losing, partsOf } from './broken-parts.js';
import { forgiving } from './broken-records.js';
import type { BrokenStore } from './broken-stores.js';

const listing = (change: (nodes: CheckpointNode[]) => CheckpointNode[]) => (sound: ISessionStore) => ({
  listCheckpointNodes: async (id: string) => change(await sound.listCheckpointNodes(id)),
});

const removing =
  (change: (sound: ISessionStore, id: string, ids: readonly string[]) => Promise<void>) =>
  (sound: ISessionStore): Partial<ISessionStore> => ({
    removeCheckpoints: (id, ids) => change(sound, id, ids),
  });

const trees: BrokenStore[] = [
  {
    fault: 'lists nodes newest first',
    breaks: [
      'nodes tell of the tree what its checkpoints tell, oldest first',
      'nodes count the bytes that they have, and those that their parents have not',
      'a note is told with its checkpoint until another takes its place',
      'a fork begins with the notes of its source, and from then on has its own',
      'children of a removed checkpoint get its parent',
      'a removed checkpoint leaves its id and no note',
      'checkpoints are added while others are removed',
    ],
    make: listing((nodes) => nodes.reverse()),
  },
  {
    fault: 'counts a part as often as it is named',
    breaks: ['nodes count the bytes that they have, and those that their parents have not'],
    make: listing((nodes) =>
      nodes.map((node) => ({ ...node, bytes: node.bytes === 300 ? 600 : node.bytes })),
    ),
  },
  {
    fault: 'takes every part for a new one',
    breaks: [
      'nodes count the bytes that they have, and those that their parents have not',
      'children of a removed checkpoint get its parent',
      'a removed checkpoint leaves its id and no note',
    ],
    make: listing((nodes) => nodes.map((node) => ({ ...node, new_bytes: node.bytes }))),
  },
  {
    fault: 'has no nodes for sessions that are not there',
    breaks: ['nodes of a session that is not there are refused'],
    make: (sound) => ({
      listCheckpointNodes: (id) => forgiving(sound.listCheckpointNodes(id), 'session_not_found', () => []),
    }),
  },
];

const notes: BrokenStore[] = [
  {
    fault: 'keeps the first note for ever',
    breaks: [
      'a note is told with its checkpoint until another takes its place',
      'a fork begins with the notes of its source, and from then on has its own',
    ],
    make: (sound) => ({
      async noteCheckpoint(id, name, note) {
        const found = await sound.getCheckpoint(id, name);
        if (!found?.note) await sound.noteCheckpoint(id, name, note);
      },
    }),
  },
  {
    fault: 'tells notes only in lists',
    breaks: [
      'a note is told with its checkpoint until another takes its place',
      'a checkpoint may come with a note',
      'a fork begins with the notes of its source, and from then on has its own',
    ],
    make: (sound) => ({
      async getCheckpoint(id, name) {
        const { note: _, ...rest } = (await sound.getCheckpoint(id, name)) ?? {};
        return 'checkpoint_id' in rest ? rest : null;
      },
    }),
  },
  {
    fault: 'drops the note that comes with a checkpoint',
    breaks: ['a checkpoint may come with a note'],
    make: (sound) => ({
      addCheckpoint: (id, { note: _, ...checkpoint }, patch) => sound.addCheckpoint(id, checkpoint, patch),
    }),
  },
  {
    fault: 'passes over notes on what is not there',
    breaks: ['a note on what is not there is refused', 'a removed checkpoint leaves its id and no note'],
    make: (sound) => ({
      noteCheckpoint: (id, name, note) =>
        forgiving(sound.noteCheckpoint(id, name, note), 'checkpoint_not_found', () => undefined),
    }),
  },
  {
    fault: 'passes over malformed notes',
    breaks: ['a malformed note is refused'],
    make: (sound) => ({
      noteCheckpoint: (id, name, note) =>
        forgiving(sound.noteCheckpoint(id, name, note), 'internal', () => undefined),
    }),
  },
  {
    fault: 'shares notes among forks',
    breaks: ['a fork begins with the notes of its source, and from then on has its own'],
    make: (sound) => {
      const family = new Map<string, string>();
      return {
        async forkSession(fork) {
          await sound.forkSession(fork);
          family.set(fork.record.session_id, fork.source_id);
        },
        async noteCheckpoint(id, name, note) {
          await sound.noteCheckpoint(id, name, note);
          const source = family.get(id);
          if (source !== undefined && (await sound.getCheckpoint(source, name)))
            await sound.noteCheckpoint(source, name, note);
        },
      };
    },
  },
];

const removals: BrokenStore[] = [
  {
    fault: 'leaves the children of what it removes alone',
    breaks: ['children of a removed checkpoint get its parent'],
    make: (sound) => {
      const parents = new Map<string, string | null>();
      return {
        async addCheckpoint(id, checkpoint, patch) {
          await sound.addCheckpoint(id, checkpoint, patch);
          parents.set(checkpoint.checkpoint_id, checkpoint.parent);
        },
        async listCheckpointNodes(id) {
          const nodes = await sound.listCheckpointNodes(id);
          return nodes.map((node) => ({ ...node, parent: parents.get(node.checkpoint_id) ?? null }));
        },
      };
    },
  },
  {
    fault: 'does not count what it removed',
    breaks: [
      'a removal counts checkpoints and bytes anew',
      'a removal of what is not there is passed over',
      'checkpoints are added while others are removed',
    ],
    make: (sound) => {
      const removed = new Map<string, number>();
      return {
        async removeCheckpoints(id, ids) {
          await sound.removeCheckpoints(id, ids);
          removed.set(id, (removed.get(id) ?? 0) + ids.length);
        },
        async getSession(id) {
          const record = await sound.getSession(id);
          return record && { ...record, checkpoint_count: record.checkpoint_count + (removed.get(id) ?? 0) };
        },
      };
    },
  },
  {
    fault: 'takes every part of what it removes',
    breaks: [
      'a part goes with the last checkpoint that has it',
      'a removal leaves parts that another session or a pin holds',
      'checkpoints are added while others are removed',
    ],
    make: (sound) => {
      const lost = new Set<string>();
      return {
        ...losing(lost, sound),
        async removeCheckpoints(id, ids) {
          const before = (await sound.getSession(id)) ? await sound.listCheckpoints(id) : [];
          await sound.removeCheckpoints(id, ids);
          for (const { checkpoint_id, parts } of before)
            if (ids.includes(checkpoint_id)) for (const { hash } of parts) lost.add(hash);
        },
      };
    },
  },
  {
    fault: 'keeps the parts of what it removes until the session goes',
    breaks: [
      'a part goes with the last checkpoint that has it',
      'a removal leaves parts that another session or a pin holds',
    ],
    make: (sound) => {
      const pin = sound.pinParts.bind(sound);
      return {
        async removeCheckpoints(id, ids) {
          const holding = pin();
          for (const hash of await partsOf(sound, id)) holding.add(hash);
          await sound.removeCheckpoints(id, ids);
        },
      };
    },
  },
  {
    fault: 'removes the head like any other',
    breaks: ['the head is not removed, nor anything with it'],
    make: removing((sound, id, ids) =>
      forgiving(sound.removeCheckpoints(id, ids), 'conflict', async () => {
        const head = (await sound.getSession(id))?.head_checkpoint;
        await sound.removeCheckpoints(
          id,
          ids.filter((one) => one !== head),
        );
      }),
    ),
  },
  {
    fault: 'refuses to remove what is not there',
    breaks: ['a removal of what is not there is passed over'],
    make: removing(async (sound, id, ids) => {
      const known = (await sound.getSession(id)) ? await sound.listCheckpoints(id) : [];
      if (ids.includes('missing') && known.length > 0) throw new Error('There is no such checkpoint.');
      await sound.removeCheckpoints(id, ids);
    }),
  },
  {
    fault: 'removes from sessions that are not there',
    breaks: ['a removal from a session that is not there is refused'],
    make: removing((sound, id, ids) =>
      forgiving(sound.removeCheckpoints(id, ids), 'session_not_found', () => undefined),
    ),
  },
];

const hidden: BrokenStore[] = [
  {
    fault: 'lists sessions of the house with all others',
    breaks: [
      'sessions of the house are listed only when they are asked for',
      'sessions of the house do not count when the store is opened again',
    ],
    make: (sound) => ({
      async listSessions(query) {
        const page = await sound.listSessions(query);
        if (query.hidden) return page;
        const more = await sound.listSessions({ ...query, hidden: true });
        return { ...page, sessions: [...page.sessions, ...more.sessions], total: page.total + more.total };
      },
    }),
  },
  {
    fault: 'takes no inputs of sessions of the house',
    breaks: ['sessions of the house are kept like all others'],
    make: (sound) => ({
      findInput: async (id, key) => (id.startsWith('~') ? null : sound.findInput(id, key)),
    }),
  },
  {
    fault: 'brings sessions of the house back as others',
    breaks: ['sessions of the house do not count when the store is opened again'],
    onReopen: async (sound) => {
      const { sessions } = await sound.listSessions({ limit: 10, hidden: true });
      for (const record of sessions) {
        await sound.deleteSession(record.session_id);
        const session_id = record.session_id.slice(1);
        await sound.createSession({ ...record, session_id }, created(session_id));
      }
    },
  },
];

export const brokenTrees: readonly BrokenStore[] = [...trees, ...notes, ...removals, ...hidden];
