/**
 * The contract of a session store, as tests that any store can be put through. It needs no test framework of its own:
 * it takes the runner's `describe` and `it`, the globals by default, and asserts with Node's own assert.
 *
 *     describeStoreContract('my store', { create: () => new MyStore(freshFolder()) });
 */
import type { ISessionStore } from '../types/store.js';
import { checkpointRules } from './store-checkpoints.js';
import { journalContentRules } from './store-journal-contents.js';
import { journalRules } from './store-journal.js';
import { lifecycleRules } from './store-lifecycle.js';
import { listRules } from './store-lists.js';
import { partRules } from './store-parts.js';
import type { StoreRule } from './store-rules.js';
import { sessionRules } from './store-sessions.js';

export interface StoreFactory {
  /** A store that was not opened yet and points at an empty place. */
  create(): ISessionStore | Promise<ISessionStore>;
  /** For stores that outlive their process: one that was not opened yet, at the place of `store`, which is closed. */
  reopen?(store: ISessionStore): ISessionStore | Promise<ISessionStore>;
}

export interface ContractRunner {
  describe(title: string, body: () => void): unknown;
  it(title: string, body: () => Promise<void>): unknown;
  beforeEach(body: () => Promise<void>): unknown;
  afterEach(body: () => Promise<void>): unknown;
}

/** Every rule, by what it is about. */
export const storeContract: Readonly<Record<string, readonly StoreRule[]>> = {
  sessions: sessionRules,
  lists: listRules,
  journal: journalRules,
  'journal contents': journalContentRules,
  checkpoints: checkpointRules,
  parts: partRules,
  'opening and closing': lifecycleRules,
};

/** Declares one test for each rule. Rules about reopening are left out when the factory has no `reopen`. */
export function describeStoreContract(name: string, factory: StoreFactory, runner = globalRunner()): void {
  runner.describe(`${name} keeps the store contract:`, () => {
    for (const [area, rules] of Object.entries(storeContract)) {
      runner.describe(area, () => {
        declareArea(rules, factory, runner);
      });
    }
  });
}

function declareArea(rules: readonly StoreRule[], factory: StoreFactory, runner: ContractRunner): void {
  const opened: ISessionStore[] = [];
  runner.afterEach(async () => {
    for (const store of opened.splice(0)) await store.dispose();
  });
  const create = async () => {
    const store = await factory.create();
    opened.push(store);
    return store;
  };
  const { reopen } = factory;
  for (const rule of rules) {
    if (rule.needsReopen && !reopen) continue;
    runner.it(rule.title, async () => {
      const store = await create();
      if (!rule.startsClosed) await store.open();
      await rule.check(store, async (former) => {
        await former.dispose();
        const next = reopen ? await reopen.call(factory, former) : await create();
        opened.push(next);
        await next.open();
        return next;
      });
    });
  }
}

function globalRunner(): ContractRunner {
  const { describe, it, beforeEach, afterEach } = globalThis as Partial<ContractRunner>;
  if (!describe || !it || !beforeEach || !afterEach) {
    throw new Error('no describe, it, beforeEach and afterEach among the globals; hand in the runner');
  }
  return { describe, it, beforeEach, afterEach };
}
