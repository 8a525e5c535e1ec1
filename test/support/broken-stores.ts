/**
 * Stores that each break the contract in one way, made from the memory store, to prove that the contract notices. Each
 * names the rules that it breaks: all of them, and no others, must fail.
 */
import { silentLog, systemClock, systemFiles } from '../../src/core/system.js';
import { memoryStore } from '../../src/storage/memory.js';
import { errors } from '../../src/types/errors.js';
import type { ISessionStore } from '../../src/types/store.js';

/** Methods that take the place of the sound ones. */
export type Overrides = Partial<ISessionStore>;

export interface BrokenStore {
  /** What is wrong with it. */
  readonly fault: string;
  /** Titles of the rules that must fail. */
  readonly breaks: readonly string[];
  readonly make?: (sound: ISessionStore) => Overrides;
  /** Methods that go on working when the store is closed. */
  readonly worksClosed?: readonly string[];
  readonly worksBeforeOpen?: boolean;
  readonly reopens?: boolean;
  readonly onReopen?: (sound: ISessionStore) => Promise<void>;
}

interface Incarnation {
  readonly sound: ISessionStore;
  readonly overrides: Overrides;
}

/** Makes stores with the fault that, unlike the memory store, are still there after they were closed. */
export function brokenFactory(broken: BrokenStore) {
  const incarnations = new WeakMap<ISessionStore, Incarnation>();
  const wrap = (incarnation: Incarnation): ISessionStore => {
    const wrapped = guarded(incarnation, broken);
    incarnations.set(wrapped, incarnation);
    return wrapped;
  };
  const fresh = (): ISessionStore => {
    const sound = memoryStore.create({ dataDir: '', clock: systemClock, log: silentLog, files: systemFiles });
    // What is inside must work for what is around it to let calls through.
    if (broken.worksBeforeOpen) void sound.open();
    return wrap({ sound, overrides: broken.make?.(sound) ?? {} });
  };
  return {
    create: fresh,
    async reopen(former: ISessionStore): Promise<ISessionStore> {
      const incarnation = incarnations.get(former);
      if (!incarnation) throw new Error('not one of ours');
      await broken.onReopen?.(incarnation.sound);
      return wrap(incarnation);
    },
  };
}

/** Opens and closes for itself, so that what is inside outlives it. */
function guarded({ sound, overrides }: Incarnation, broken: BrokenStore): ISessionStore {
  let state: 'new' | 'open' | 'closed' = 'new';
  let wasOpen = false;
  const own: Record<string, unknown> = {
    async open() {
      if (state === 'closed' && !broken.reopens) throw errors.closed('The store');
      state = 'open';
      wasOpen = true;
      const report = await sound.open();
      return overrides.open ? overrides.open() : report;
    },
    async dispose() {
      // Where it was never open: the runner closes what was open a second time by itself.
      if (overrides.dispose && state === 'closed' && !wasOpen) await overrides.dispose();
      state = 'closed';
    },
  };
  const mayWork = (name: string) =>
    state === 'open' ||
    (state === 'closed' && broken.worksClosed?.includes(name)) ||
    (state === 'new' && broken.worksBeforeOpen);
  return new Proxy(sound, {
    get(_target, name) {
      const method: unknown =
        Reflect.get(own, name) ?? Reflect.get(overrides, name) ?? Reflect.get(sound, name);
      if (typeof method !== 'function' || Reflect.has(own, name)) return method;
      return (...values: unknown[]): unknown => {
        if (!mayWork(String(name))) throw errors.closed('The store');
        return Reflect.apply(method, sound, values);
      };
    },
  });
}
