/** Reads what became of earlier executions: their answers and all of their output, any number of times. */
import { SojournError } from '../types/errors.js';
import type { ExecuteResult, OutputPage, OutputQuery, SessionRecord } from '../types/session.js';
import { readAnswer } from './execution-answer.js';
import { OutputReader } from './output-reader.js';
import type { InputEvent } from './run-events.js';
import type { SessionServices } from './session-services.js';

export interface ReaderHost {
  /** As it stands now, the head included. */
  record(): SessionRecord;
  /** True while it runs or waits for its turn. */
  isUnanswered(seq: number): boolean;
  /** Resolves when what it has put out up to now can be read back. */
  settle(seq: number): Promise<void>;
}

export class ExecutionReader {
  private readonly outputs: OutputReader;

  constructor(
    private readonly services: SessionServices,
    private readonly host: ReaderHost,
  ) {
    this.outputs = new OutputReader(services);
  }

  /** @throws execution_not_found */
  async answer(seq: number): Promise<ExecuteResult> {
    const input = await this.inputAt(seq);
    if (input.operation !== 'execute') throw this.notFound(seq);
    const { epoch, durability } = this.host.record();
    const answer = await readAnswer(this.services, input, {
      streams: true,
      unanswered: this.host.isUnanswered(seq),
      epoch,
      durable: durability !== 'async',
      outputLimit: this.services.config.limits.output_bytes,
    });
    return answer as ExecuteResult;
  }

  /** @throws execution_not_found */
  async output(seq: number, query: OutputQuery): Promise<OutputPage> {
    const input = await this.inputAt(seq);
    await this.host.settle(seq);
    return this.outputs.read(input, query, this.host.isUnanswered(seq));
  }

  private async inputAt(seq: number): Promise<InputEvent> {
    const { session_id: id, head_seq: head } = this.host.record();
    const [input] = seq > head ? [] : await this.services.store.readJournal(id, seq, 1);
    if (input?.type === 'input') return input;
    throw this.notFound(seq);
  }

  private notFound(seq: number): SojournError {
    const fields = { session_id: this.host.record().session_id, seq };
    return new SojournError('execution_not_found', `No execution at seq ${seq}.`, fields);
  }
}
