/** The ways to one running server, for tests that must find the same behind each of them. */
import { HttpCaller } from '../../src/client/http-caller.js';
import type { RunningServer } from '../../src/server.js';
import type { ICaller } from '../../src/types/client.js';

export interface Door {
  readonly name: string;
  open(server: RunningServer): ICaller;
}

export const doors: readonly Door[] = [
  { name: 'in process', open: ({ app }) => app.caller(() => Promise.resolve()) },
  { name: 'over REST', open: ({ url, token }) => new HttpCaller({ url, token, retries: 0 }) },
];
