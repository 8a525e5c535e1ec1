/**
 * Where a run asks for input and is answered: one question at a time, journaled before it is heard. An answer is
 * journaled before the run gets it, so that running it again needs nobody.
 */
import { SojournError } from '../types/errors.js';
import type { SessionEvent, SessionEventBody } from '../types/events.js';
import type { InputCall, InputReceipt, InputRequest } from '../types/input.js';

export interface DeskOptions {
  readonly sessionId: string;
  /** The input that runs. */
  readonly seq: number;
  /** Journals a request behind all output; null when there were too many. */
  request(prompt: string, password: boolean): number | null;
  /** Journals the answer; resolves when it is stored. */
  reply(body: SessionEventBody): Promise<SessionEvent>;
}

interface Question extends InputRequest {
  answer(value: string | null): void;
}

export class InputDesk {
  private open: Question | null = null;
  /** True once a password was given: the journal cannot run the input again. */
  passwordGiven = false;

  constructor(private readonly options: DeskOptions) {}

  /** What the run waits for. */
  get question(): InputRequest | null {
    if (!this.open) return null;
    const { input_id, seq, prompt, password } = this.open;
    return { input_id, seq, prompt, password };
  }

  /** Resolves to the answer; null is the end of input. A new question takes the place of an older one. */
  ask(prompt: string, password: boolean): Promise<string | null> {
    this.close();
    const input_id = this.options.request(prompt, password);
    if (input_id === null) return Promise.resolve(null);
    return new Promise((answer) => {
      this.open = { input_id, seq: this.options.seq, prompt, password, answer };
    });
  }

  /** @throws conflict when nothing waits, or another question does */
  async reply(value: string | null, call: InputCall): Promise<InputReceipt> {
    const question = this.open;
    if (!question) throw nothingWaits(this.options.sessionId);
    const { input_id, password } = question;
    if (call.input_id !== undefined && call.input_id !== input_id) {
      const detail = `The code waits for input ${input_id}, not ${call.input_id}.`;
      throw new SojournError('conflict', detail, { session_id: this.options.sessionId, input_id });
    }
    // From here on a second reply comes too late.
    this.open = null;
    if (password && value !== null) this.passwordGiven = true;
    const kept = password ? { password: value !== null } : value === null ? {} : { value };
    const { seq } = await this.options.reply({ type: 'input_reply', input_id, ...kept });
    question.answer(value);
    return { input_id, seq };
  }

  /** Nobody waits any more. */
  close(): void {
    const question = this.open;
    this.open = null;
    question?.answer(null);
  }
}

export const nothingWaits = (sessionId: string) =>
  new SojournError('conflict', 'No code of this session waits for input.', { session_id: sessionId });
