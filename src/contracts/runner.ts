/** The few functions of a test framework that a contract suite needs: mocha's, or node:test's. */
export interface TestRunner {
  describe: (name: string, body: () => void) => unknown;
  it: (name: string, body: () => Promise<void> | void) => unknown;
  beforeEach: (body: () => Promise<void> | void) => unknown;
  afterEach: (body: () => Promise<void> | void) => unknown;
}

/** Those that the framework put into the global scope. */
export function globalRunner(): TestRunner {
  const scope: unknown = globalThis;
  return scope as TestRunner;
}
