/**
 * The way of a write: its turn in the mailbox; conditions; `input` journaled before it runs and `result` journaled
 * before it is answered.
 */
import { isSojournError, SojournError } from '../types/errors.js';
import type { SessionEvent, SessionEventBody } from '../types/events.js';
import type { IEngine } from '../types/engine.js';
import type { InputCall, InputReceipt, InputRequest } from '../types/input.js';
import type {
  Durability,
  ExecuteResult,
  InterruptReport,
  SessionPatch,
  WriteCall,
  WriteReceipt,
} from '../types/session.js';
import { ExecutionOutput } from './execution-output.js';
import type { FileChanges, FileMoment } from './file-changes.js';
import type { IncrementalWriter } from './incremental-writer.js';
import type { Mailbox } from './mailbox.js';
import { nothingWaits } from './input-desk.js';
import { RepeatedWrites } from './repeated-writes.js';
import { runInEngine } from './run.js';
import type { RunOutcome } from './run.js';
import { RunStage } from './run-stage.js';
import { isMoveName } from './time-travel.js';
import type { MoveName } from './time-travel.js';
import type { SessionServices } from './session-services.js';
import { journaledKey, lineOf } from './write-caller.js';
import { checkConditions } from './write-conditions.js';
import { withPlace, Write } from './write.js';
import type { Params } from './write.js';

/** Whoever repeats a reply does it soon. */
const repliesMax = 100;

/** What the pipeline needs of its session. */
export interface PipelineHost {
  readonly id: string;
  readonly owner: string;
  readonly mailbox: Mailbox;
  readonly writer: IncrementalWriter;
  epoch(): number;
  durable(): boolean;
  durability(): Durability;
  engine(): Promise<IEngine>;
  /** Goes to another moment of the session. */
  travel(move: MoveName, params: Params): Promise<RunOutcome>;
  /** The patch that belongs to the result, e.g. counts. */
  patchFor(write: Write, outcome: RunOutcome): SessionPatch;
  /** It is about to be journaled and run. */
  begins(write: Write): Promise<void>;
  /** The result is journaled and the caller not yet answered; false when its effect will not survive a crash. */
  settled(write: Write, outcome: RunOutcome): Promise<boolean>;
}

interface Running {
  readonly seq: number;
  readonly stage: RunStage;
  readonly outcome: Promise<RunOutcome>;
}

export class WritePipeline {
  private running: Running | null = null;
  /** Of a write whose turn has come and that does not run yet. */
  private starting: AbortController | null = null;
  /** Replies to requests for input, by key: some of the last. */
  private readonly replies = new Map<string, Promise<InputReceipt>>();
  private readonly waiting = new Set<Write>();
  private readonly repeated: RepeatedWrites;

  constructor(
    private readonly services: SessionServices,
    private readonly host: PipelineHost,
  ) {
    this.repeated = new RepeatedWrites(services, {
      id: host.id,
      owner: host.owner,
      isUnanswered: (seq) => this.isUnanswered(seq),
      streams: (operation) => this.streams(operation),
      epoch: () => host.epoch(),
      durable: () => host.durable(),
      ready: () => host.engine(),
    });
  }

  get runningSeq(): number | null {
    return this.running?.seq ?? null;
  }

  /** Journaled inputs whose turn has not come. */
  get pendingSeqs(): number[] {
    return [...this.waiting].flatMap((write) =>
      write.seq === null || write.answered || write.seq === this.runningSeq ? [] : [write.seq],
    );
  }

  isUnanswered(seq: number): boolean {
    return this.runningSeq === seq || this.pendingSeqs.includes(seq);
  }

  perform(operation: string, params: Params, call: WriteCall): Promise<unknown> {
    return this.repeated.once(operation, params, call, () => this.enqueue(operation, params, call));
  }

  async interrupt(): Promise<InterruptReport> {
    const { running, starting } = this;
    // There is nothing to stop yet; it will find that it was.
    starting?.abort('interrupted');
    if (!running) return { interrupted: starting !== null, seq: null, rung: null, ms: null };
    running.stage.controller.abort('interrupted');
    const { execute } = await running.outcome;
    const stopped = execute?.interrupt;
    return { interrupted: true, seq: running.seq, rung: stopped?.rung ?? null, ms: stopped?.ms ?? null };
  }

  /** Resolves when what an input has put out up to now can be read back. */
  async settleOutput(seq: number): Promise<void> {
    if (this.running?.seq === seq) await this.running.stage.settle();
  }

  /** What the running code waits for. */
  get inputRequest(): InputRequest | null {
    return this.running?.stage.desk.question ?? null;
  }

  /** Answers the code that waits. @throws conflict when none does, or another question is asked */
  replyInput(value: string | null, call: InputCall): Promise<InputReceipt> {
    const { idempotency_key: key } = call;
    const given = key === undefined ? undefined : this.replies.get(key);
    if (given) return given;
    const desk = this.running?.stage.desk;
    const receipt = desk ? desk.reply(value, call) : Promise.reject(nothingWaits(this.host.id));
    if (key === undefined) return receipt;
    this.replies.set(key, receipt);
    // A failed reply changed nothing and may be tried again.
    receipt.catch(() => this.replies.delete(key));
    const [oldest] = this.replies.keys();
    if (this.replies.size > repliesMax && oldest !== undefined) this.replies.delete(oldest);
    return receipt;
  }

  private async enqueue(operation: string, params: Params, call: WriteCall): Promise<unknown> {
    if (call.on_busy === 'reject' && this.host.mailbox.busy) throw this.busy();
    if (call.on_busy === 'interrupt') (this.running?.stage.controller ?? this.starting)?.abort('interrupted');
    const repeatable = params.replay !== false && this.isRepeatable(operation);
    const write = new Write(operation, params, call, repeatable, (one) => this.journalInput(one));
    this.waiting.add(write);
    const turn = this.host.mailbox.write(lineOf(call), () => this.take(write));
    const work = turn.finally(() => this.waiting.delete(write));
    if (call.wait_s === undefined) return work;
    return this.answerWithin(call.wait_s * 1000, write, work);
  }

  private async answerWithin(waitMs: number, write: Write, work: Promise<unknown>): Promise<unknown> {
    let timer: { cancel(): void } | undefined;
    const timedOut = new Promise<'late'>((resolve) => {
      timer = this.services.clock.setTimer(waitMs, () => resolve('late'));
    });
    const first = await Promise.race([work, timedOut]).finally(() => timer?.cancel());
    if (first !== 'late') return first;
    // Nobody waits for it any more; what becomes of it is in the journal.
    work.catch((error: unknown) => {
      this.services.log.debug({ err: error, seq: write.seq }, 'a write failed after its caller had gone');
    });
    if (write.refused) return work;
    const seq = await write.journal();
    const empty = new ExecutionOutput(0, seq).toResult();
    const rest = { should_exit: false, error: null, execution_count: null, duration_ms: waitMs };
    // Accepted is not done: what has no result when the server dies is closed as interrupted.
    return { ...this.receipt(seq, false), status: 'running', ...empty, ...rest } satisfies ExecuteResult;
  }

  /** Its turn has come. */
  private async take(write: Write): Promise<unknown> {
    try {
      const engine = await this.host.engine();
      const { id, writer } = this.host;
      const head = { epoch: this.host.epoch(), head_seq: writer.headSeq, content_seq: writer.contentSeq };
      checkConditions(id, head, write.call);
      const controller = new AbortController();
      this.starting = controller;
      // Before it is journaled: code that is refused leaves no trace.
      if (this.runsCode(write.operation)) await this.services.guard.admit();
      if (write.operation === 'execute') await engine.admit?.(String(write.params.code));
      await this.host.begins(write);
      await write.journal();
      return await this.run(write, engine, controller);
    } catch (error) {
      this.starting = null;
      this.running = null;
      if (!write.answered) await this.closeUnrun(write, error);
      throw withPlace(error, write, this.host.epoch());
    }
  }

  private async run(write: Write, engine: IEngine, controller: AbortController): Promise<unknown> {
    const { services, host } = this;
    const seq = write.seq ?? 0;
    const stage = new RunStage(services, host.writer, seq, controller);
    const { operation, params } = write;
    const request = stage.request(operation, params, this.timeoutMs(params), write.call);
    const { fileChanges } = services;
    const moment = params.report_files === true ? await fileChanges.moment() : null;
    const start = () =>
      isMoveName(operation) && !engine.versions
        ? host.travel(operation, params)
        : runInEngine(engine, services.definition, request, services.clock);
    const running = this.runsCode(operation)
      ? services.guard.during(controller, engine.temporary, start)
      : start();
    this.running = { seq, stage, outcome: running };
    this.starting = null;
    const outcome = await running.then((ended) =>
      moment ? withNewFiles(ended, fileChanges, moment) : ended,
    );
    await stage.close(host.durability() === 'fsync');
    write.isSecret = stage.desk.passwordGiven;
    const events = await host.writer.appendEvents([resultEvent(seq, outcome)], host.patchFor(write, outcome));
    write.answered = true;
    for (const event of events) stage.output.add(event);
    this.running = null;
    const kept = await host.settled(write, outcome);
    return this.answer(this.receipt(seq, kept), write, outcome, stage.output);
  }

  private answer(receipt: WriteReceipt, write: Write, outcome: RunOutcome, output: ExecutionOutput): unknown {
    if (outcome.failure) throw outcome.failure;
    const { execute, status, error, duration_ms } = outcome;
    if (!execute) {
      const shown = this.streams(write.operation) ? { ...output.toText(), duration_ms } : {};
      const value = isObject(outcome.value) ? outcome.value : { value: outcome.value };
      return { ...value, ...shown, ...outcome.changed, ...receipt };
    }
    return {
      ...receipt,
      status,
      ...output.toResult(),
      should_exit: execute.should_exit ?? false,
      error,
      execution_count: execute.execution_count ?? null,
      duration_ms,
      ...(execute.interrupt ? { interrupt: execute.interrupt } : {}),
      ...outcome.changed,
    } satisfies ExecuteResult;
  }

  private receipt(seq: number, kept = true): WriteReceipt {
    const { host } = this;
    return { seq, epoch: host.epoch(), durable: kept && host.durable(), durable_seq: host.writer.headSeq };
  }

  /** True of operations whose output belongs to their answer. */
  private streams(operation: string): boolean {
    const found = this.services.definition.operations?.find(({ name }) => name === operation);
    return found?.streams === true;
  }

  private runsCode(operation: string): boolean {
    return operation === 'execute' || this.streams(operation);
  }

  private timeoutMs(params: Params): number {
    const asked = params.timeout_s;
    return (typeof asked === 'number' ? asked : this.services.config.execution.timeout_s) * 1000;
  }

  private isRepeatable(operation: string): boolean {
    const { operations } = this.services.definition;
    return operations?.find((candidate) => candidate.name === operation)?.replay !== false;
  }

  private journalInput(write: Write): Promise<SessionEvent[]> {
    const { call, operation, params } = write;
    const { idempotency_key: key } = call;
    return this.host.writer.appendEvents(
      [
        {
          type: 'input',
          operation,
          params: { ...params },
          principal: call.principal.id,
          ...(call.client_id === undefined ? {} : { client_id: call.client_id }),
          ...(key === undefined ? {} : { idempotency_key: journaledKey(key, call, this.host.owner) }),
          ...(write.repeatable ? {} : { replay: false }),
        },
      ],
      { last_activity: new Date(this.services.clock.now()).toISOString() },
    );
  }

  /** It will not run: where it has a place in the journal, say so there. */
  private async closeUnrun(write: Write, error: unknown): Promise<void> {
    const { place } = write;
    write.refused = place === null;
    // Whoever had it journaled has the failure of that.
    const seq = await place?.catch(() => null);
    if (typeof seq !== 'number' || this.host.writer.broken !== undefined) return;
    const known = isSojournError(error) ? error : undefined;
    const described = {
      name: known?.code ?? 'internal',
      message: known?.detail ?? 'It could not be run.',
      traceback: '',
      code: known?.code ?? 'internal',
    };
    await this.host.writer.appendEvents([
      {
        type: 'result',
        input_seq: seq,
        status: 'error',
        duration_ms: 0,
        error: described,
        reason: 'never run',
      },
    ]);
  }

  private busy(): SojournError {
    const detail = 'Another write runs; wait for it, or ask with on_busy "enqueue" or "interrupt".';
    const fields = {
      session_id: this.host.id,
      running_seq: this.runningSeq,
      queue_length: this.host.mailbox.length,
    };
    return new SojournError('session_busy', detail, fields);
  }
}

async function withNewFiles(
  outcome: RunOutcome,
  changes: FileChanges,
  moment: FileMoment,
): Promise<RunOutcome> {
  const { files, complete } = await changes.since(moment);
  return { ...outcome, changed: { new_files: files, ...(complete ? {} : { new_files_complete: false }) } };
}

function resultEvent(seq: number, outcome: RunOutcome): SessionEventBody {
  const { execute, status, duration_ms, error } = outcome;
  const value = execute
    ? {
        execution_count: execute.execution_count,
        should_exit: execute.should_exit,
        interrupt: execute.interrupt,
        ...outcome.changed,
      }
    : isObject(outcome.value)
      ? { ...outcome.value, ...outcome.changed }
      : outcome.value;
  return {
    type: 'result',
    input_seq: seq,
    status,
    duration_ms,
    error,
    ...(value === undefined ? {} : { value }),
    ...(outcome.moved === undefined ? {} : { moved: outcome.moved }),
  };
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
