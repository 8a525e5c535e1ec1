/** `sojourn`: sessions inside a program. Nothing listens on any port. */
export { createSojourn } from './embedded.js';
export type { SojournOptions } from './embedded.js';
export { defineEngine, defineEngineOperation } from './types/engine.js';
export { defineStore } from './types/store.js';
export { errorTable, isSojournError, SojournError } from './types/errors.js';
export type { ISession, ISojourn } from './types/client.js';
export { version } from './version.js';
