/**
 * One Python session: its kernel, what it is asked, how it is stopped, and what is said when it dies.
 * Requests are answered one after the other; only interrupting goes past the line.
 */
import type { z } from 'zod';
import type {
  CaptureOptions,
  CheckpointSource,
  EngineContext,
  ExecuteOutcome,
  ExecuteRequest,
  ICapture,
  IEngine,
  RestoreReport,
  RunContext,
} from '../../types/engine.js';
import { errors, isSojournError, SojournError } from '../../types/errors.js';
import type { NotKept } from '../../types/events.js';
import type { ProcessHealth } from '../../types/health.js';
import { Copies } from './copies.js';
import { InterruptLadder } from './interrupt-ladder.js';
import { describeDeath } from './kernel-death.js';
import type { KernelHost } from './kernel-host.js';
import { KernelLink, nobody } from './kernel-link.js';
import type { KernelProcess } from './kernel-process.js';
import { MemoryGauge } from './memory.js';
import { ProcessGauge } from './process-gauge.js';
import type { PythonEngineOptions } from './options.js';
import { PackageInstall } from './package-install.js';
import type { InstallRequest, InstallResult, InstallTarget } from './package-install.js';
import type { Policy } from './policy.js';
import {
  captureReplySchema,
  executeReplySchema,
  forkReplySchema,
  restoreReplySchema,
  scriptReplySchema,
} from './protocol.js';
import { restoreState } from './restore-state.js';
import {
  interruptReason,
  isStopped,
  outcomeOf,
  outputOf,
  reasonOf,
  scriptOutcome,
  stopped,
  stoppedError,
  threadLeftBehind,
} from './run-outcome.js';
import type { Interrupt, ScriptOutcome, ScriptRequest } from './run-outcome.js';
import { Turns } from './turns.js';

/** For what is no run of user code, but may meet some: a __repr__, a __del__, a hook of fork. */
const defaultReadLimitMs = 10_000;
const defaultCaptureLimitMs = 20_000;

export class PythonEngine implements IEngine {
  readonly temporary: string | null;
  private readonly turns = new Turns();
  private readonly link: KernelLink;
  private readonly gauge: MemoryGauge;
  private readonly processGauge: ProcessGauge;
  private readonly copies: Copies;
  private installing: PackageInstall | null = null;
  private ladder: InterruptLadder | null = null;
  private policy: Policy = 'open';
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
    this.temporary = process.temporary;
    this.link = new KernelLink(process, options.clock);
    const { lease } = process;
    this.gauge = new MemoryGauge(() => [process.pid, ...lease.frozenCopies], host.memoryProbe, options.clock);
    const family = async () => [process.pid, ...(await this.copies.all())] as const;
    this.processGauge = new ProcessGauge(family, host.memoryProbe, options);
    this.copies = new Copies(process, options, {
      fork: async (params) => {
        const limitMs = options.captureLimitMs ?? defaultCaptureLimitMs;
        return this.link.read(captureReplySchema, await this.bounded('capture', params, limitMs));
      },
      adopt: (woken, engineContext) => this.adopt(woken, engineContext),
    });
  }

  /** Begins to listen to the kernel, and makes it ready for the policy. @throws kernel_died · timeout */
  async open(policy: Policy = 'open'): Promise<this> {
    this.link.onOutput = (output) => this.context.emit(output);
    this.ended = this.watch();
    this.gauge.touch();
    this.processGauge.start();
    this.process.lease.onFrozenChange = () => this.gauge.touch();
    this.policy = policy;
    if (policy === 'open') return this;
    try {
      await this.bounded('provide', {}, this.options.startTimeoutMs);
      return this;
    } catch (error) {
      await this.dispose();
      throw error;
    }
  }

  /** @throws code_rejected with the policy's own words · timeout when the code is too large to be looked at */
  admit(code: string): Promise<void> {
    if (this.policy === 'open') return Promise.resolve();
    return this.turns.run(async () => {
      this.assertUsable();
      await this.bounded('check', { code }, this.options.readLimitMs ?? defaultReadLimitMs);
    });
  }

  /** @throws kernel_died when the kernel ended during the run without having been asked to · closed */
  execute({ code, silent, allowInput }: ExecuteRequest, context: RunContext): Promise<ExecuteOutcome> {
    const allow_input = allowInput !== false && context.requestInput !== undefined;
    return this.run('execute', { code, silent, allow_input }, context);
  }

  /** One of the kernel's operations whose answer is the outcome of a run. @throws as `execute` */
  run(
    operation: string,
    params: Readonly<Record<string, unknown>>,
    context: RunContext,
  ): Promise<ExecuteOutcome> {
    return this.turns.run(async () => {
      this.assertUsable();
      if (isStopped(context)) return stopped(context, null);
      try {
        const request = { ...params, seq: context.inputSeq };
        const [value, interrupt] = await this.perform(operation, request, context);
        return outcomeOf(this.link.read(executeReplySchema, value), interrupt, context);
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
   * Runs a script of the workspace in a process of its own.
   * @throws file_not_found · invalid_params when it lies outside the workspace · kernel_died · closed
   */
  runScript(script: ScriptRequest, context: RunContext): Promise<ScriptOutcome> {
    return this.turns.run(async () => {
      this.assertUsable();
      if (isStopped(context)) return { status: reasonOf(context), returncode: null };
      // Of the time until the next rung, so that it is the script that ends and not the kernel.
      const grace_s = this.options.interruptGraceMs / 2000;
      const { path, args } = script;
      try {
        const params = { path, args, grace_s, seq: context.inputSeq };
        const [value] = await this.perform('run_script', params, context);
        return scriptOutcome(this.link.read(scriptReplySchema, value), context);
      } catch (error) {
        // Stopped before there was a script.
        if (!isStopped(context) || !isSojournError(error, 'internal')) throw error;
        return { status: reasonOf(context), returncode: null };
      } finally {
        this.ladder = null;
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
      const limitMs = this.options.readLimitMs ?? defaultReadLimitMs;
      return this.link.read(schema, await this.bounded(operation, params, limitMs, context));
    });
  }

  /**
   * Adds packages to the session's own folder. Others may read the session meanwhile.
   * @throws invalid_params · forbidden · engine_unavailable · timeout when it was stopped · kernel_died · closed
   */
  async install(request: InstallRequest, context: RunContext): Promise<InstallResult> {
    this.assertUsable();
    const { workspace } = this.context;
    // What has begun to be taken over is finished, also when the time is up.
    const whole = { ...context, signal: new AbortController().signal };
    const ask: InstallTarget['ask'] = (operation, params, schema) =>
      this.ask(operation, params, schema, whole);
    const target = { workspace, kernel: this.process, ask };
    const install = new PackageInstall(this.host, this.options, target, context);
    this.installing = install;
    try {
      return await install.run(request);
    } catch (error) {
      throw this.death ?? error;
    } finally {
      this.installing = null;
    }
  }

  capture({ freezable = false }: CaptureOptions = {}): Promise<ICapture> {
    return this.turns.run(() => {
      this.assertUsable();
      return this.copies.take(freezable);
    });
  }

  /**
   * The whole heap as a second engine, for another session; threads stay behind and are named.
   * @throws engine_unavailable when this machine cannot · kernel_died · closed · timeout
   */
  fork(context: EngineContext): Promise<{ engine: PythonEngine; not_kept: NotKept[] }> {
    return this.turns.run(async () => {
      this.assertUsable();
      const limitMs = this.options.captureLimitMs ?? defaultCaptureLimitMs;
      let threads: string[] = [];
      const process = await this.host.forkKernel(this.process, context, async (params) => {
        const reply = this.link.read(forkReplySchema, await this.bounded('fork', params, limitMs));
        threads = reply.threads;
        return reply.pid;
      });
      const engine = await this.adopt(process, context);
      return { engine, not_kept: threads.map(threadLeftBehind) };
    });
  }

  /** @throws timeout when the state's own code does not come to an end · storage_error from the source */
  restore(source: CheckpointSource): Promise<RestoreReport> {
    return this.turns.run(async () => {
      this.assertUsable();
      try {
        return this.link.read(restoreReplySchema, await restoreState(this.link, source, this.options.clock));
      } finally {
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
      this.installing?.dispose();
      this.process.kill(this.copies.pids);
      this.link.abandon(errors.closed('The Python session'));
    }
    await this.ended;
    // A copy that still writes or is frozen keeps the uid; whoever disposes it has no need to wait for that.
    await this.process.lease.settled();
  }

  /** An engine around a kernel that was a copy of this one's, with its heap. */
  private async adopt(process: KernelProcess, context: EngineContext): Promise<PythonEngine> {
    const engine = await new PythonEngine(process, this.host, context, this.options).open();
    engine.policy = this.policy;
    return engine;
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
    const { link } = this;
    link.onInput = (prompt, password) => context.requestInput?.({ prompt, password }) ?? nobody();
    link.backlog = () => context.backlog?.() ?? null;
    try {
      const value = await link.request(operation, params, { onOutput: outputOf(context) });
      return [value, await ladder.stop()];
    } finally {
      context.signal.removeEventListener('abort', climb);
      link.onInput = nobody;
      link.backlog = () => null;
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
    context?: RunContext,
  ): Promise<unknown> {
    const signal = context?.signal;
    const { clock, interruptGraceMs } = this.options;
    const ladder = new InterruptLadder(this.link, clock, interruptGraceMs);
    this.ladder = ladder;
    const climb = () => ladder.start();
    const timer = clock.setTimer(limitMs, climb);
    signal?.addEventListener('abort', climb, { once: true });
    try {
      return await this.link.request(operation, params, context ? { onOutput: outputOf(context) } : {});
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
