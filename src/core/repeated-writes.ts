/**
 * A write that is asked for again with its idempotency key gets its first answer: while it runs, and from the journal
 * for 24 hours, also after a restart.
 */
import { isDeepStrictEqual } from 'node:util';
import { isSojournError, SojournError } from '../types/errors.js';
import type { WriteCall } from '../types/session.js';
import { answersKeptMs } from './answer-keeper.js';
import { readAnswer } from './execution-answer.js';
import type { InputEvent } from './journal-steps.js';
import type { SessionServices } from './session-services.js';
import { journaledKey } from './write-caller.js';
import type { Params } from './write.js';

export interface RepeatHost {
  readonly id: string;
  readonly owner: string;
  /** It waits or runs in this process. */
  isUnanswered(seq: number): boolean;
  /** The output belongs to the answer. */
  streams(operation: string): boolean;
  epoch(): number;
  durable(): boolean;
  /** Resolves when what a former process left without an answer is closed. */
  ready(): Promise<unknown>;
}

export class RepeatedWrites {
  private readonly underWay = new Map<
    string,
    { operation: string; params: Params; answer: Promise<unknown> }
  >();

  constructor(
    private readonly services: SessionServices,
    private readonly host: RepeatHost,
  ) {}

  /** @throws conflict when a key serves two calls */
  once(operation: string, params: Params, call: WriteCall, run: () => Promise<unknown>): Promise<unknown> {
    if (call.idempotency_key === undefined) return run();
    const key = journaledKey(call.idempotency_key, call, this.host.owner);
    const current = this.underWay.get(key);
    if (current) {
      const same = current.operation === operation && isDeepStrictEqual(current.params, params);
      return same ? current.answer : Promise.reject(this.keyTaken(call));
    }
    const answer = this.answer(key, operation, params, call, run).finally(() => this.underWay.delete(key));
    this.underWay.set(key, { operation, params, answer });
    return answer;
  }

  private async answer(
    key: string,
    operation: string,
    params: Params,
    call: WriteCall,
    run: () => Promise<unknown>,
  ): Promise<unknown> {
    const earlier = await this.services.store.findInput(this.host.id, key);
    if (earlier?.type !== 'input' || this.isForgotten(earlier)) return run();
    const isSame = earlier.operation === operation && isDeepStrictEqual(earlier.params, toJson(params));
    if (!isSame || earlier.principal !== call.principal.id) throw this.keyTaken(call);
    return this.firstAnswer(earlier).catch((error: unknown) => {
      if (!isSojournError(error) || error.fields.interrupted !== true) throw error;
      const found = this.services.definition.operations?.find(({ name }) => name === operation);
      if (found?.idempotent !== true) throw error;
      return run();
    });
  }

  private isForgotten({ seq, at }: InputEvent): boolean {
    return Date.parse(at) <= this.services.clock.now() - answersKeptMs && !this.host.isUnanswered(seq);
  }

  private async firstAnswer(input: InputEvent): Promise<unknown> {
    await this.host.ready();
    return readAnswer(this.services, input, {
      streams: this.host.streams(input.operation),
      unanswered: this.host.isUnanswered(input.seq),
      epoch: this.host.epoch(),
      durable: this.host.durable(),
      outputLimit: this.services.config.limits.output_bytes,
    });
  }

  private keyTaken({ idempotency_key }: WriteCall): SojournError {
    const detail = `The idempotency key '${idempotency_key ?? ''}' was used for another call.`;
    return new SojournError('conflict', detail, { session_id: this.host.id, idempotency_key });
  }
}

/** As it comes back from the journal: without undefined members. */
const toJson = (params: Params): unknown => JSON.parse(JSON.stringify(params));
