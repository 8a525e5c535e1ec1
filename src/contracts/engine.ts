/**
 * The contract of a session kind, as tests that any engine can be put through. It needs no test framework of its own:
 * it takes the runner's functions, the globals by default, and asserts with Node's own assert.
 *
 *     describeEngineContract('tally', () => ({ definition: tally, sample, workspace }));
 */
import { EngineKit } from './engine-kit.js';
import type { EngineFixture, EngineRule } from './engine-kit.js';
import { runningRules } from './engine-running.js';
import { shapeRules } from './engine-shape.js';
import { stateRules } from './engine-state.js';
import { versionRules } from './engine-versions.js';
import type { TestRunner } from './runner.js';
import { globalRunner } from './runner.js';

export type { EngineFixture, EngineSample, Step } from './engine-kit.js';

/** Every rule, by what it is about. */
export const engineContract: Readonly<Record<string, readonly EngineRule[]>> = {
  definition: shapeRules,
  running: runningRules,
  state: stateRules,
  versions: versionRules,
};

/**
 * Declares one test for each rule.
 * @param factory called for each test: fresh engines, and a definition that nobody else uses.
 */
export function describeEngineContract(
  name: string,
  factory: () => EngineFixture | Promise<EngineFixture>,
  runner: Pick<TestRunner, 'describe' | 'it'> = globalRunner(),
): void {
  runner.describe(`${name} keeps the engine contract:`, () => {
    for (const [area, rules] of Object.entries(engineContract)) {
      runner.describe(area, () => {
        for (const rule of rules) runner.it(rule.title, () => checkRule(rule, factory));
      });
    }
  });
}

/** What a definition does not declare is not asked of it; that it is absent is a rule of its own. */
async function checkRule(
  rule: EngineRule,
  factory: () => EngineFixture | Promise<EngineFixture>,
): Promise<void> {
  const kit = new EngineKit(await factory());
  try {
    if (!rule.appliesTo || rule.appliesTo(kit.fixture)) await rule.check(kit);
  } finally {
    await kit.close();
  }
}
