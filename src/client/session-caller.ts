/** Calls the operations of one session. */
import type { ICaller, WriteCallOptions } from '../types/client.js';
import type { ByteStream } from '../types/files.js';

export class SessionCaller {
  constructor(
    private readonly caller: ICaller,
    private readonly id: string,
  ) {}

  call(
    operation: string,
    params: Record<string, unknown> = {},
    options?: WriteCallOptions,
  ): Promise<unknown> {
    return this.caller.call(operation, { ...params, session_id: this.id }, options);
  }

  /** The shape of an answer is the catalogue's promise, kept by both ends. */
  async ask<T>(operation: string, params?: Record<string, unknown>, options?: WriteCallOptions): Promise<T> {
    return (await this.call(operation, params, options)) as T;
  }

  media(operation: string, params: Record<string, unknown>, type: string): Promise<ByteStream> {
    return this.caller.media(operation, { ...params, session_id: this.id }, type);
  }
}
