/** Rules of the engine contract: what a definition declares, and that its engines are what it declares. */
import assert from 'node:assert/strict';
import { isolationOf } from '../types/engine.js';
import { isolationSchema } from '../types/session.js';
import type { EngineRule } from './engine-kit.js';

/** Names of the operations that every session has. */
const taken = new Set([
  'execute',
  'clear',
  'interrupt',
  'restart',
  'save',
  'hibernate',
  'fork',
  'undo',
  'redo',
  'goto',
]);

export const shapeRules: readonly EngineRule[] = [
  {
    title: 'the definition names itself, the version of the interface and its isolation',
    async check(kit) {
      const { definition } = kit.fixture;
      assert.match(definition.name, /^[a-z][a-z0-9_-]*$/);
      assert.equal(definition.apiVersion, 1);
      isolationSchema.parse(await isolationOf(definition, definition.options.parse({})));
    },
  },
  {
    title: 'the engine has the methods that its capabilities declare, and no others',
    async check(kit) {
      const { capabilities } = kit.fixture.definition;
      const { engine } = await kit.create();
      for (const ability of ['execute', 'clear'] as const) {
        const declared = capabilities[ability] === true;
        assert.equal(typeof engine[ability] === 'function', declared, `capability '${ability}'`);
      }
      const declared = capabilities.versions === true;
      assert.equal(engine.versions !== undefined, declared, `capability 'versions'`);
      const { operations = [] } = kit.fixture.definition;
      const writes = capabilities.execute === true || operations.some(({ access }) => access === 'write');
      assert.ok(writes || !capabilities.replay, 'there is nothing that could be run again');
    },
  },
  {
    title: 'operations have snake_case names of their own and one line of documentation',
    check(kit) {
      const operations = kit.fixture.definition.operations ?? [];
      const names = operations.map(({ name }) => name);
      assert.equal(new Set(names).size, names.length, 'a name is used twice');
      for (const { name, summary } of operations) {
        assert.match(name, /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/);
        assert.ok(!taken.has(name), `every session has '${name}' already`);
        assert.match(summary, /^\S[^\n]*\S$/);
      }
      return Promise.resolve();
    },
  },
  {
    title: 'memory is a number of bytes',
    async check(kit) {
      const { engine } = await kit.create();
      if (!engine.memoryBytes) return;
      const bytes = engine.memoryBytes();
      assert.ok(Number.isFinite(bytes) && bytes >= 0, String(bytes));
    },
  },
];
