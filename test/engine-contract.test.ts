/**
 * The engine contract, put to the test itself: good engines keep it, and each deliberately broken engine breaks
 * exactly the rules that it is made to break.
 */
import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import tally from '../examples/tally-engine.js';
import { describeEngineContract, engineContract } from '../src/contracts/engine.js';
import type { EngineFixture } from '../src/contracts/engine.js';
import { brokenNotes } from './support/broken-notes.js';
import { brokenVersions } from './support/broken-versions.js';
import { noteFixture } from './support/note-engine.js';
import { versionedFixture } from './support/versioned-note.js';

/** The titles of the rules that fail. */
async function brokenRules(factory: () => EngineFixture): Promise<string[]> {
  const tests: { title: string; body: () => Promise<void> | void }[] = [];
  describeEngineContract('fake', factory, {
    describe: (_name, body) => body(),
    it: (title, body) => tests.push({ title, body }),
  });
  const failed: string[] = [];
  for (const { title, body } of tests) {
    try {
      await body();
    } catch {
      failed.push(title);
    }
  }
  return failed;
}

const broken = [...brokenNotes, ...brokenVersions];

describe('the engine contract', () => {
  const rules = Object.values(engineContract).flatMap((area) => area.map(({ title }) => title));

  it('has a title of its own for each rule', () => {
    expect(new Set(rules).size).to.equal(rules.length);
  });

  it('finds nothing wrong with a good engine', async () => {
    expect(await brokenRules(() => noteFixture())).to.deep.equal([]);
    expect(await brokenRules(() => versionedFixture())).to.deep.equal([]);
  });

  it('has a broken engine for every rule', () => {
    expect([...new Set(broken.map(({ rule }) => rule))].sort()).to.deep.equal([...rules].sort());
  });

  for (const { rule, also = [], fixture } of broken) {
    it(`catches an engine that breaks: ${rule}`, async () => {
      expect((await brokenRules(fixture)).sort()).to.deep.equal([rule, ...also].sort());
    });
  }

  it('is kept by a plugin of at most 60 lines', async () => {
    const source = await readFile(new URL('../examples/tally-engine.ts', import.meta.url), 'utf8');
    expect(source.trimEnd().split('\n').length).to.be.at.most(60);
  });
});

describeEngineContract('the tally example', () => ({
  definition: tally,
  options: { start: 0 },
  sample: {
    change: '1',
    changeAgain: '2',
    show: '0',
    shown: { fresh: '0', one: '1', two: '3' },
    fails: 'many',
  },
  workspace: () => Promise.resolve('/nowhere'),
}));
