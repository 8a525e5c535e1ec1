/** `sojourn/contracts`: what every plugin must do, as suites for any test framework. */
export { describeEngineContract } from './engine.js';
export type { EngineFixture } from './engine.js';
export { describeStoreContract } from './store.js';
export { describeTransportContract } from './transport.js';
export type { TransportFixture } from './transport.js';
export type { TestRunner } from './runner.js';
