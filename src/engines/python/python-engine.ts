/**
 * One Python session: its kernel, what it is asked, how it is stopped, and what is said when it dies.
 * Requests are answered one after the other; only interrupting goes past the line.
 */
import type { z } from 'zod';
import type {
  CheckpointSource,
  EngineContext,
  ExecuteOutcome,
  ExecuteRequest,
  ICapture,
  IEngine,
  InterruptReason,
  RestoreReport,
  RunContext,
} from '../../types/engine.js';
import { errors, SojournError } from '../../types/errors.js';
import type { ProcessHealth } from '../../types/health.js';
import type { ExecutionError } from '../../types/events.js';
import type { Disposable } from '../../types/ports.js';
import { PythonCapture } from './capture.js';
import { InterruptLadder } from './interrupt-ladder.js';
import type { Rung } from './interrupt-ladder.js';
import { describeDeath } from './kernel-death.js';
import type { KernelHost, KernelProcess } from './kernel-host.js';
import { KernelLink } from './kernel-link.js';
import { MemoryGauge } from './memory.js';
import { ProcessGauge } from './process-gauge.js';
import type { PythonEngineOptions } from './options.js';
import {
  captureReplySchema,
  executeReplySchema,
  manifestPartsSchema,
  restoreReplySchema,
} from './protocol.js';
import type { ExecuteReply } from './protocol.js';
import { Turns } from './turns.js';

const restoreLimitMs = 60_000;
/** For what is no run of user code, but may meet some: a __repr__, a __del__, a hook of fork. */
const defaultReadLimitMs = 10_000;
const defaultCaptureLimitMs = 20_000;
/** What a checkpoint holds besides variables: sources of cells, random states. */
const extraBytesMax = 64 * 1024 ** 2;

type Interrupt = { rung: Rung; ms: number } | null;

export class PythonEngine implements IEngine {
  private readonly turns = new Turns();
  private readonly link: KernelLink;
  private readonly gauge: MemoryGauge;
  private readonly processGauge: ProcessGauge;
  private readonly copies = new Map<Disposable, number>();
  private ladder: InterruptLadder | null = null;
  private pinging: Promise<void> | null = null;
  private closed = false;
  private death: SojournError | null = null;
  private ended: Promise<void> = Promise.resolve();

  constructor(
    private readonly process: KernelProcess,
    private readonly host: KernelHost,
    private readonly context: EngineContext,
    private readonly options: PythonEngineOptions,
  ) {
    this.link = new KernelLink(process, options.clock);
    this.gauge = new MemoryGauge(process.pid, options.files, options.clock);
    this.processGauge = new ProcessGauge(process.pid, options.files, options.clock);
  }

  /** Begins to listen to the kernel. */
  open(): this {
    this.link.onOutput = (output) => this.context.emit(output);
    this.ended = this.watch();
    this.gauge.touch();
    this.processGauge.start();
    return this;
  }

  /** @throws kernel_died when the kernel ended during the run without having been asked to · closed */
  execute(request: ExecuteRequest, context: RunContext): Promise<ExecuteOutcome> {
    return this.turns.run(async () => {
      this.assertUsable();
      if (isStopped(context)) return stopped(context, null);
      const { code, silent } = request;
      try {
        const [value, interrupt] = await this.perform(
          'execute',
          { code, silent, seq: context.inputSeq },
          context,
        );
        return outcomeOf(this.read(executeReplySchema, value), interrupt, context);
      } catch (error) {
        const interrupt = this.death ? await this.ladder?.stop() : null;
        if (interrupt?.rung === 'terminate' || interrupt?.rung === 'kill') return stopped(context, interrupt);
        throw error;
      } finally {
        this.ladder = null;
        this.gauge.touch();
      }
    });
  }

  /**
   * One of the kernel's own operations, checked against a schema.
   * @throws timeout when it was stopped · kernel_died · closed · the kernel's own error codes
   */
  ask<S extends z.ZodType>(
    operation: string,
    params: Readonly<Record<string, unknown>>,
    schema: S,
    context: RunContext,
  ): Promise<z.output<S>> {
    return this.turns.run(async () => {
      this.assertUsable();
      if (isStopped(context)) throw stoppedError(operation, reasonOf(context));
      this.link.onOutput = (output) => context.emit({ ...output, input_seq: context.inputSeq });
      try {
        const limitMs = this.options.readLimitMs ?? defaultReadLimitMs;
        return this.read(schema, await this.bounded(operation, params, limitMs, context.signal));
      } finally {
        this.link.onOutput = (output) => this.context.emit(output);
      }
    });
  }

  capture(): Promise<ICapture> {
    return this.turns.run(async () => {
      this.assertUsable();
      const { clock, variableBytes, sessionBytes } = this.options;
      const { expected, ticket } = await this.process.connectCopy();
      try {
        const params = { ticket, variable_bytes: variableBytes, session_bytes: sessionBytes };
        const limitMs = this.options.captureLimitMs ?? defaultCaptureLimitMs;
        const { pid } = this.read(captureReplySchema, await this.bounded('capture', params, limitMs));
        const letGo = this.process.lease.hold(pid);
        const capture = new PythonCapture({
          expected,
          clock,
          killCopy: () => this.process.killCopy(pid),
          bytesMax: sessionBytes + extraBytesMax,
          onDisposed: (disposed) => {
            this.copies.delete(disposed);
            letGo();
          },
        });
        this.copies.set(capture, pid);
        return capture;
      } catch (error) {
        expected.cancel();
        // A copy that came before its kernel was stopped is of no use.
        void expected.channel.then((channel) => channel.dispose());
        throw error;
      }
    });
  }

  /** @throws timeout when the state's own code does not come to an end · storage_error from the source */
  restore(source: CheckpointSource): Promise<RestoreReport> {
    return this.turns.run(async () => {
      this.assertUsable();
      const wanted = new Set(
        (manifestPartsSchema.parse(source.manifest).groups ?? []).map((group) => group.part),
      );
      wanted.add('cells').add('random');
      for (const { name } of source.parts) {
        if (wanted.has(name)) await this.link.request('part', { name }, await source.read(name));
      }
      const timer = this.options.clock.setTimer(restoreLimitMs, () => {
        this.link.abandon(
          new SojournError('timeout', `The state was not back after ${restoreLimitMs / 1000} s.`),
        );
        this.process.kill();
      });
      try {
        const reply = await this.link.request('restore', { manifest: source.manifest });
        return this.read(restoreReplySchema, reply);
      } finally {
        timer.cancel();
        this.gauge.touch();
      }
    });
  }

  clear(): Promise<void> {
    return this.turns.run(async () => {
      this.assertUsable();
      await this.bounded('clear', {}, this.options.readLimitMs ?? defaultReadLimitMs);
      this.gauge.touch();
    });
  }

  memoryBytes(): number {
    return this.gauge.read();
  }

  processHealth(): Promise<ProcessHealth> {
    return this.processGauge.look();
  }

  /** Takes its turn to ask, and lets the next one go on before the answer: a kernel that hangs can be stopped still. */
  ping(): Promise<void> {
    this.pinging ??= this.turns
      .run(() => {
        this.assertUsable();
        return Promise.resolve({ answer: this.link.signOfLife() });
      })
      .then(({ answer }) => answer)
      .finally(() => {
        this.pinging = null;
      });
    return this.pinging;
  }

  /** Kills the kernel with everything it started; captures that were taken can still be written. */
  async dispose(): Promise<void> {
    if (!this.closed) {
      this.closed = true;
      this.gauge.dispose();
      this.process.kill([...this.copies.values()]);
      this.link.abandon(errors.closed('The Python session'));
    }
    await this.ended;
    // A copy that still writes keeps the uid; whoever disposes its capture has no need to wait for that.
    if (this.copies.size === 0) await this.process.lease.released;
  }

  private assertUsable(): void {
    if (this.closed) throw errors.closed('The Python session');
    if (this.death) throw this.death;
  }

  /** A question of its own, because what was seen before an await need not hold after it. */
  private isClosed(): boolean {
    return this.closed;
  }

  /** A request during which output belongs to the run, and the run can be stopped. */
  private async perform(
    operation: string,
    params: Readonly<Record<string, unknown>>,
    context: RunContext,
  ): Promise<[unknown, Interrupt]> {
    const { clock, interruptGraceMs } = this.options;
    const ladder = new InterruptLadder(this.link, clock, interruptGraceMs);
    this.ladder = ladder;
    const climb = () => ladder.start();
    context.signal.addEventListener('abort', climb, { once: true });
    this.link.onOutput = (output) => context.emit({ ...output, input_seq: context.inputSeq });
    try {
      const value = await this.link.request(operation, params);
      return [value, await ladder.stop()];
    } finally {
      context.signal.removeEventListener('abort', climb);
      this.link.onOutput = (output) => this.context.emit(output);
      await ladder.stop();
    }
  }

  /**
   * A request that is no run: stopped like one when its time is over or `signal` says so.
   * @throws timeout when it had to be stopped, also when that was the end of the kernel
   */
  private async bounded(
    operation: string,
    params: Readonly<Record<string, unknown>>,
    limitMs: number,
    signal?: AbortSignal,
  ): Promise<unknown> {
    const { clock, interruptGraceMs } = this.options;
    const ladder = new InterruptLadder(this.link, clock, interruptGraceMs);
    this.ladder = ladder;
    const climb = () => ladder.start();
    const timer = clock.setTimer(limitMs, climb);
    signal?.addEventListener('abort', climb, { once: true });
    try {
      return await this.link.request(operation, params);
    } catch (error) {
      if (this.closed) throw error;
      // A kernel that died by itself is no matter of time.
      const died = this.death !== null && ladder.rung !== 'terminate' && ladder.rung !== 'kill';
      throw ladder.rung === null || died ? error : stoppedError(operation, interruptReason(signal));
    } finally {
      timer.cancel();
      signal?.removeEventListener('abort', climb);
      await ladder.stop();
      this.ladder = null;
    }
  }

  /** What a kernel answers is checked; one that answers nonsense is ended. */
  private read<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    this.process.channel.fail('an answer has the wrong shape');
    throw new SojournError('kernel_died', 'The kernel gave an answer of the wrong shape and was ended.');
  }

  private async watch(): Promise<void> {
    const end = await this.link.run();
    this.gauge.dispose();
    if (this.closed) return;
    const rung = this.ladder?.rung ?? null;
    const outOfMemory =
      end.signal === 'SIGKILL' && rung !== 'kill' && (await this.host.memoryWatch.hasKilled());
    const death = describeDeath(end, rung, outOfMemory, this.gauge.read());
    // It may have been disposed while this looked for the cause.
    if (this.isClosed()) return;
    this.death = new SojournError('kernel_died', death.detail, { ...death.fields, cause: death.cause });
    // First: whoever hears of the death disposes this engine at once, which would tell the run something else.
    this.link.abandon(this.death);
    this.context.died(death);
  }
}

function outcomeOf(reply: ExecuteReply, interrupt: Interrupt, context: RunContext): ExecuteOutcome {
  const { interrupted, ...outcome } = reply;
  // A run that ended by itself while the signal was on its way was not stopped.
  if (interrupt === null || !interrupted) return outcome;
  return { ...outcome, status: reasonOf(context), interrupt };
}

/** A run that never began, or whose kernel had to be ended. */
function stopped(context: RunContext, interrupt: Interrupt): ExecuteOutcome {
  const message = interrupt
    ? 'The run did not stop when it was interrupted, so its kernel was ended.'
    : 'The run was stopped before it began.';
  const code = interrupt ? 'kernel_died' : undefined;
  const error: ExecutionError = { name: 'Interrupted', message, traceback: '', code };
  return { status: reasonOf(context), error, interrupt: interrupt ?? undefined };
}

const isStopped = (context: RunContext): boolean => context.signal.aborted;

const reasonOf = (context: RunContext): InterruptReason =>
  context.signal.reason === 'timeout' ? 'timeout' : 'interrupted';

/** Why a bounded request was stopped: by whoever asked, or by its own limit. */
const interruptReason = (signal: AbortSignal | undefined): InterruptReason =>
  signal?.aborted && signal.reason !== 'timeout' ? 'interrupted' : 'timeout';

const stoppedError = (operation: string, reason: InterruptReason) =>
  new SojournError('timeout', `'${operation}' was stopped before it had an answer.`, { reason });
