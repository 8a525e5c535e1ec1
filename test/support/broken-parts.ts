/** Broken stores: parts. */
import type { ISessionStore, PartPin } from '../../src/types/store.js';
import { forgiving } from './broken-records.js';
import type { BrokenStore } from './broken-stores.js';

async function collected(bytes: Uint8Array | AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const pieces: Uint8Array[] = [];
  if (bytes instanceof Uint8Array) return [bytes];
  try {
    for await (const piece of bytes) pieces.push(piece);
  } catch {
    pieces.push(new Uint8Array(0));
  }
  return pieces;
}

/** Makes parts disappear that the sound store still has. */
export function losing(lost: Set<string>, sound: ISessionStore): Partial<ISessionStore> {
  return {
    hasPart: (hash) => !lost.has(hash) && sound.hasPart(hash),
    getPart: (hash) => sound.getPart(lost.has(hash) ? '' : hash),
  };
}

export async function partsOf(sound: ISessionStore, id: string): Promise<string[]> {
  const checkpoints = (await sound.getSession(id)) ? await sound.listCheckpoints(id) : [];
  return checkpoints.flatMap((checkpoint) => checkpoint.parts.map((part) => part.hash));
}

export const brokenParts: readonly BrokenStore[] = [
  {
    fault: 'gives back other bytes',
    breaks: [
      'a part comes back under the SHA-256 of its bytes',
      'a part goes with the last checkpoint that has it',
    ],
    make: (sound) => ({
      async getPart(hash) {
        const bytes = await sound.getPart(hash);
        return bytes.length === 1000 ? bytes.subarray(1) : bytes;
      },
    }),
  },
  {
    fault: 'takes nothing for no part',
    breaks: ['a part may be empty'],
    make: (sound) => ({
      async putPart(bytes, pin) {
        if (bytes instanceof Uint8Array && bytes.length === 0) throw new Error('nothing to store');
        return sound.putPart(bytes, pin);
      },
    }),
  },
  {
    fault: 'stores only the first piece',
    breaks: ['a part sent in pieces is the same part', 'a part whose sending breaks off is not stored'],
    make: (sound) => ({
      async putPart(bytes, pin) {
        if (bytes instanceof Uint8Array) return sound.putPart(bytes, pin);
        for await (const piece of bytes) return sound.putPart(piece, pin);
        return sound.putPart(new Uint8Array(0), pin);
      },
    }),
  },
  {
    fault: 'stores what came before a break',
    breaks: ['a part whose sending breaks off is not stored'],
    make: (sound) => ({
      putPart: async (bytes, pin) =>
        sound.putPart(new Uint8Array(Buffer.concat(await collected(bytes))), pin),
    }),
  },
  {
    fault: 'has empty parts for what is not there',
    breaks: ['a part that is not there is damage, not an answer', 'a name that is no hash names no part'],
    make: (sound) => ({
      getPart: (hash) => forgiving(sound.getPart(hash), 'storage_error', () => new Uint8Array(0)),
    }),
  },
  {
    fault: 'takes paths for parts',
    breaks: ['a name that is no hash names no part'],
    make: (sound) => ({ hasPart: (hash) => hash.includes('/') || sound.hasPart(hash) }),
  },
  {
    fault: 'hands out the bytes that it holds',
    breaks: ['a part that was handed out can be changed without harm'],
    make: (sound) => {
      const held = new Map<string, Uint8Array>();
      return {
        async getPart(hash) {
          const bytes = held.get(hash) ?? (await sound.getPart(hash));
          held.set(hash, bytes);
          return bytes;
        },
      };
    },
  },
  {
    fault: 'never lets a part go',
    breaks: [
      'a part goes with the last session that holds it',
      'a pinned part stays until the last pin is released',
      'a part that is put with a pin is held by it',
      'a part goes with the last of a source and its forks',
      'a part of a later checkpoint is not held by a fork',
      'a part goes with the last checkpoint that has it',
      'a removal leaves parts that another session or a pin holds',
    ],
    make: (sound) => {
      const ever = new Set<string>();
      return {
        async putPart(bytes, pin) {
          const stored = await sound.putPart(bytes, pin);
          ever.add(stored.hash);
          return stored;
        },
        hasPart: (hash) => ever.has(hash),
      };
    },
  },
  {
    fault: 'takes shared parts along',
    breaks: [
      'a part goes with the last session that holds it',
      'a fork loses nothing when its source is deleted',
      'a source loses nothing when its fork is deleted',
      'a part goes with the last of a source and its forks',
      'a fork of a source that is being deleted is whole or not there',
      'a fork is there when the store is opened again',
    ],
    make: (sound) => {
      const lost = new Set<string>();
      return {
        ...losing(lost, sound),
        async deleteSession(id) {
          const others = (await sound.listSessions({ limit: 10 })).total > 1;
          if (others) for (const hash of await partsOf(sound, id)) lost.add(hash);
          return sound.deleteSession(id);
        },
      };
    },
  },
  {
    fault: 'does not hold what is pinned',
    breaks: [
      'a pinned part stays until the last pin is released',
      'a removal leaves parts that another session or a pin holds',
      'checkpoints are added while others are removed',
    ],
    make: (sound) => {
      const sounds = new WeakMap<PartPin, PartPin>();
      return {
        pinParts() {
          const real = sound.pinParts();
          const pin = { add: () => undefined, release: () => real.release() };
          sounds.set(pin, real);
          return pin;
        },
        putPart: (bytes, pin) => sound.putPart(bytes, pin && sounds.get(pin)),
      };
    },
  },
  {
    fault: 'ignores the pin that comes with a part',
    breaks: ['a part that is put with a pin is held by it'],
    make: (sound) => ({ putPart: (bytes) => sound.putPart(bytes) }),
  },
  {
    fault: 'collects whatever is released',
    breaks: [
      'a pinned part stays until the last pin is released',
      'a release leaves the parts of checkpoints alone',
      'checkpoints are added while others are removed',
    ],
    make: (sound) => {
      const lost = new Set<string>();
      return {
        ...losing(lost, sound),
        pinParts() {
          const pin = sound.pinParts();
          const added: string[] = [];
          return {
            add(hash) {
              added.push(hash);
              pin.add(hash);
            },
            release() {
              for (const hash of added) lost.add(hash);
              pin.release();
            },
          };
        },
      };
    },
  },
  {
    fault: 'stores nothing twice, even after it went',
    breaks: ['a part can be stored again after it went'],
    make: (sound) => {
      const ever = new Map<string, { hash: string; size: number }>();
      return {
        async putPart(bytes, pin) {
          const name = bytes instanceof Uint8Array ? Buffer.from(bytes).toString('latin1') : '';
          const known = ever.get(name);
          if (known && name !== '') return known;
          const stored = await sound.putPart(bytes, pin);
          ever.set(name, stored);
          return stored;
        },
      };
    },
  },
];
