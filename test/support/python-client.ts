/** A client of a server in this process with real Python sessions, and words for what runs ask and say. */
import { HttpCaller } from '../../src/client/http-caller.js';
import { Sojourn } from '../../src/client/sojourn.js';
import type { ISession } from '../../src/types/client.js';
import type { ConfigInput } from '../../src/types/config.js';
import type { SessionEvent } from '../../src/types/events.js';
import { openServer } from './open-server.js';

type Of<T extends SessionEvent['type']> = Extract<SessionEvent, { type: T }>;

export interface PythonClient {
  readonly client: Sojourn;
  readonly url: string;
  readonly token: string | null;
  close(): Promise<void>;
}

export async function openPythonClient(given: ConfigInput = {}): Promise<PythonClient> {
  const server = await openServer(given);
  const client = new Sojourn(new HttpCaller({ url: server.url, token: server.token, retries: 0 }));
  return {
    client,
    url: server.url,
    token: server.token,
    close: async () => {
      await client.close();
      await server.dispose();
    },
  };
}

/** The next event of a type, from a place in the journal on. */
export async function nextEvent<T extends SessionEvent['type']>(
  session: ISession,
  type: T,
  sinceSeq = 0,
): Promise<Of<T>> {
  for await (const event of session.events({ sinceSeq })) {
    if (event.type === type) return event as Of<T>;
  }
  throw new Error(`no event of type ${type}`);
}

/** The whole text of a run, a page at a time. */
export async function wholeOutput(
  session: ISession,
  seq: number,
  options: { stream?: 'output' | 'stdout' | 'stderr'; limit?: number } = {},
): Promise<string> {
  const pieces: string[] = [];
  let offset = 0;
  for (;;) {
    const page = await session.output(seq, { ...options, offset });
    if (page.offset !== offset) throw new Error(`asked for ${offset}, got ${page.offset}`);
    pieces.push(page.text);
    offset = page.nextOffset;
    if (page.complete) return pieces.join('');
    if (page.text === '') throw new Error('an empty page before the end');
  }
}
