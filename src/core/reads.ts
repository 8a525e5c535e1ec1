/** Reads of a live state: none waits for its turn in the mailbox, and the session waits for them at its end. */
import { errors } from '../types/errors.js';
import type { IEngine } from '../types/engine.js';
import type { SessionServices } from './session-services.js';

export interface ReadsHost {
  engine(): Promise<IEngine>;
  headSeq(): number;
}

export class Reads {
  private readonly underWay = new Set<Promise<unknown>>();

  constructor(
    private readonly services: Pick<SessionServices, 'definition'>,
    private readonly host: ReadsHost,
  ) {}

  /** One of the engine's own reads. @throws not_supported when it has none of that name */
  perform(operation: string, params: Record<string, unknown>, signal?: AbortSignal): Promise<unknown> {
    const { definition } = this.services;
    const found = definition.operations?.find((candidate) => candidate.name === operation);
    if (!found) return Promise.reject(errors.notSupported(definition.name, operation));
    const context = {
      signal: signal ?? new AbortController().signal,
      inputSeq: this.host.headSeq(),
      emit: () => undefined,
    };
    const read = this.host.engine().then((engine) => found.run(engine, found.params.parse(params), context));
    const settled = read.catch(() => undefined);
    this.underWay.add(settled);
    void settled.then(() => this.underWay.delete(settled));
    return read;
  }

  async settle(): Promise<void> {
    await Promise.allSettled(this.underWay);
  }
}
