/** What surrounds one run: where its output goes, who answers its questions, and how it is stopped. */
import { errors } from '../types/errors.js';
import type { SessionEventBody } from '../types/events.js';
import type { WriteCall } from '../types/session.js';
import { ExecutionOutput } from './execution-output.js';
import type { IncrementalWriter } from './incremental-writer.js';
import { InputDesk } from './input-desk.js';
import { OutputGate } from './output-gate.js';
import { SpillWriter } from './output-spill.js';
import type { RunRequest } from './run.js';
import { spillPath } from './run-events.js';
import type { SessionServices } from './session-services.js';

export class RunStage {
  /** The answer, as far as it is known. */
  readonly output: ExecutionOutput;
  readonly desk: InputDesk;
  private readonly gate: OutputGate;

  constructor(
    private readonly services: SessionServices,
    private readonly writer: IncrementalWriter,
    private readonly seq: number,
    readonly controller: AbortController,
  ) {
    const { clock, files, log, outputs, config } = services;
    const { limits } = config;
    this.output = new ExecutionOutput(limits.output_bytes, seq);
    const journal = (body: SessionEventBody) => {
      const event = writer.add({ ...body, input_seq: seq } as SessionEventBody);
      this.output.add(event);
      return event;
    };
    this.gate = new OutputGate({
      journalBytes: limits.journal_output_bytes,
      totalBytes: limits.total_output_bytes,
      clock,
      spill: new SpillWriter(spillPath(outputs, seq), files, log),
      journal: (body) => journal(body).seq,
      kept: (body) => this.output.add(body),
    });
    this.desk = new InputDesk({
      sessionId: writer.sessionId,
      seq,
      request: (prompt, password) => this.gate.request(prompt, password),
      reply: async (body) => {
        const event = journal(body);
        await writer.flush();
        return event;
      },
    });
  }

  request(
    operation: string,
    params: RunRequest['params'],
    timeoutMs: number,
    { principal }: Pick<WriteCall, 'principal'>,
  ): RunRequest {
    const { controller, desk, gate, writer, seq } = this;
    return {
      operation,
      params,
      inputSeq: seq,
      timeoutMs,
      controller,
      emit: gate.emit,
      backlog: () => gate.backlog() ?? writer.backlog(),
      ask: this.askFor(principal),
      requestInput: ({ prompt, password }) => desk.ask(prompt, password),
      isWaiting: () => desk.question !== null,
    };
  }

  /** Who may use but one session learns nothing of the others of its owner. */
  private askFor({ session_id: only }: WriteCall['principal']): SessionServices['ask'] {
    const { ask } = this.services;
    if (only === undefined) return ask;
    return (id, ...asked) => (id === only ? ask(id, ...asked) : Promise.reject(errors.sessionNotFound(id)));
  }

  /** Resolves when all output up to now can be read back. */
  async settle(): Promise<void> {
    await this.gate.settle();
    await this.writer.flush();
  }

  /** After the run: resolves when all of its output is where it belongs, on the disk if it has to be. */
  async close(durable: boolean): Promise<void> {
    this.desk.close();
    await this.gate.close(durable);
  }
}
