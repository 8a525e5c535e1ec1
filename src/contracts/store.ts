/**
 * The contract of a session store, as tests that any store can be put through. It needs no test framework of its own:
 * it takes the runner's `describe` and `it`, the globals by default, and asserts with Node's own assert.
 *
 *     describeStoreContract('my store', { create: () => new MyStore(freshFolder()) });
 */
import type { ISessionStore } from '../types/store.js';
import { globalRunner } from './runner.js';
import type { TestRunner } from './runner.js';
import { checkpointRules } from './store-checkpoints.js';
import { forkRules } from './store-forks.js';
import { forkSharingRules } from './store-fork-sharing.js';
import { hiddenRules } from './store-hidden.js';
import { journalContentRules } from './store-journal-contents.js';
import { journalRules } from './store-journal.js';
import { lifecycleRules } from './store-lifecycle.js';
import { listRules } from './store-lists.js';
import { noteRules } from './store-notes.js';
import { partRules } from './store-parts.js';
import { removalRules } from './store-removals.js';
import type { StoreRule } from './store-rules.js';
import { sessionRules } from './store-sessions.js';

export interface StoreFactory {
  /** A store that was not opened yet and points at an empty place. */
  create(): ISessionStore | Promise<ISessionStore>;
  /** For stores that outlive their process: one that was not opened yet, at the place of `store`, which is closed. */
  reopen?(store: ISessionStore): ISessionStore | Promise<ISessionStore>;
}

/** Every rule, by what it is about. */
export const storeContract: Readonly<Record<string, readonly StoreRule[]>> = {
  sessions: sessionRules,
  lists: listRules,
  journal: journalRules,
  'journal contents': journalContentRules,
  checkpoints: checkpointRules,
  'notes and the tree': noteRules,
  'removed checkpoints': removalRules,
  'sessions of the house': hiddenRules,
  parts: partRules,
  forks: forkRules,
  'forks and their sources': forkSharingRules,
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

function declareArea(rules: readonly StoreRule[], factory: StoreFactory, runner: TestRunner): void {
  const opened: ISessionStore[] = [];
  runner.afterEach(async () => {
    for (const store of opened.splice(0)) await store.dispose();
  });
  const create = async () => {
    const store = await factory.create();
    opened.push(store);
    return store;
  };
  for (const rule of rules) {
    if (rule.needsReopen && !factory.reopen) continue;
    runner.it(rule.title, async () => {
      const store = await create();
      if (!rule.startsClosed) await store.open();
      await rule.check(store, async (former) => {
        await former.dispose();
        const next = factory.reopen ? await factory.reopen(former) : await create();
        opened.push(next);
        await next.open();
        return next;
      });
    });
  }
}
