/** Proves the store contract: a sound store passes, and each broken one fails for exactly the rules that it breaks. */
import { expect } from 'chai';
import { describeStoreContract, storeContract } from '../src/contracts/store.js';
import type { BrokenStore } from './support/broken-stores.js';
import { brokenFactory } from './support/broken-stores.js';
import { brokenCheckpoints } from './support/broken-checkpoints.js';
import { brokenForks } from './support/broken-forks.js';
import { brokenJournals } from './support/broken-journals.js';
import { brokenParts } from './support/broken-parts.js';
import { brokenRecords } from './support/broken-records.js';
import { brokenTrees } from './support/broken-trees.js';

/** Runs the contract without a test framework and gives back the titles that failed. */
async function failingRules(broken: BrokenStore): Promise<string[]> {
  const tests: { title: string; body: Body; after: Body[] }[] = [];
  const scopes: Body[][] = [];
  describeStoreContract('broken', brokenFactory(broken), {
    describe(_title, body) {
      scopes.push([]);
      body();
      scopes.pop();
    },
    it: (title, body) => tests.push({ title, body, after: scopes.flat() }),
    beforeEach: () => undefined,
    afterEach: (body) => scopes.at(-1)?.push(body),
  });
  const failed: string[] = [];
  for (const { title, body, after } of tests) {
    const outcomes = [await attempt(body)];
    for (const hook of after) outcomes.push(await attempt(hook));
    if (outcomes.includes(false)) failed.push(title);
  }
  return failed;
}

type Body = () => Promise<void> | void;

async function attempt(work: Body): Promise<boolean> {
  try {
    await work();
    return true;
  } catch {
    return false;
  }
}

const brokenStores = [
  ...brokenRecords,
  ...brokenJournals,
  ...brokenCheckpoints,
  ...brokenParts,
  ...brokenForks,
  ...brokenTrees,
];

describe('store contract', () => {
  it('passes a sound store', async () => {
    expect(await failingRules({ fault: 'none', breaks: [] })).to.deep.equal([]);
  });

  for (const broken of brokenStores) {
    it(`notices a store that ${broken.fault}`, async () => {
      expect(await failingRules(broken)).to.have.members(broken.breaks);
    });
  }

  it('has a broken store for every rule', () => {
    const titles = Object.values(storeContract).flatMap((rules) => rules.map((rule) => rule.title));
    expect(new Set(titles).size).to.equal(titles.length);
    const noticed = new Set(brokenStores.flatMap((broken) => broken.breaks));
    expect(titles.filter((title) => !noticed.has(title))).to.deep.equal([]);
    expect([...noticed].filter((title) => !titles.includes(title))).to.deep.equal([]);
  });
});
