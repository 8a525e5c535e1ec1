/** `sojourn/client`: a client for a server over HTTP. */
export { SojournClient } from './sojourn-client.js';
export type { ConnectOptions } from './sojourn-client.js';
export { isSojournError, SojournError } from '../types/errors.js';
export type * from '../types/client.js';
export type * from '../types/data-client.js';
export type * from '../types/tables.js';
