/** Calls operations in the same process: the catalogue without a wire. */
import type { EventsOptions, ICaller, WriteCallOptions } from '../types/client.js';
import type { SessionEvent } from '../types/events.js';
import type { ICatalogue, Principal } from '../types/operation.js';
import type { IIds } from '../types/ports.js';
import { snakeize } from './casing.js';
import { streamEvents } from './event-stream.js';

export class InProcessCaller implements ICaller {
  private readonly closing = new AbortController();

  /** @param close what closing the client closes with it. */
  constructor(
    private readonly catalogue: ICatalogue,
    private readonly principal: Principal,
    private readonly ids: IIds,
    private readonly close: () => Promise<void>,
  ) {}

  call(operation: string, params: Record<string, unknown>, options: WriteCallOptions = {}): Promise<unknown> {
    const { signal, ...write } = options;
    const context = { principal: this.principal, request_id: this.ids.uid(), ...(signal ? { signal } : {}) };
    return this.catalogue.call(operation, { ...params, ...snakeize(write) }, context);
  }

  events(sessionId: string, options: EventsOptions): AsyncIterable<SessionEvent> {
    const call = (operation: string, params: Record<string, unknown>, write: WriteCallOptions) =>
      this.call(operation, params, write);
    return streamEvents(call, sessionId, { ...options, closed: this.closing.signal });
  }

  async dispose(): Promise<void> {
    this.closing.abort();
    await this.close();
  }
}
