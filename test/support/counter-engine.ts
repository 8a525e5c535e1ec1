/**
 * A small engine with every kind of behaviour on command: it counts, speaks, fails, hangs and dies. It is a plugin like
 * any other; what it proves holds for all of them.
 */
import { z } from 'zod';
import { defineEngine, defineEngineOperation } from '../../src/types/engine.js';
import type {
  CheckpointSource,
  EngineContext,
  ExecuteOutcome,
  ExecuteRequest,
  ICapture,
  IEngine,
  RestoreReport,
  RunContext,
} from '../../src/types/engine.js';
import { errors, SojournError } from '../../src/types/errors.js';

const ok: ExecuteOutcome = { status: 'ok', execution_count: 1 };

export class CounterEngine implements IEngine {
  private total = 0;
  private disposed = false;

  constructor(
    private readonly context: EngineContext,
    private readonly hooks: CounterHooks,
  ) {}

  async execute({ code }: ExecuteRequest, run: RunContext): Promise<ExecuteOutcome> {
    this.assertOpen();
    const [verb = '', argument = ''] = code.split(' ');
    this.hooks.ran?.(this.context.sessionId, code, this.context.epoch);
    switch (verb) {
      case 'add':
        this.total += Number(argument);
        run.emit({ type: 'execute_result', data: { 'text/plain': String(this.total) } });
        return ok;
      case 'say':
        run.emit({ type: 'stdout', text: argument });
        return ok;
      case 'fail':
        return { status: 'error', error: { name: 'Failure', message: argument, traceback: '' } };
      case 'hang':
        return this.hang(run);
      case 'die':
        return this.die();
      case 'throw':
        throw new Error('a secret of the engine');
      default:
        run.emit({ type: 'execute_result', data: { 'text/plain': String(this.total) } });
        return ok;
    }
  }

  capture(): Promise<ICapture> {
    this.assertOpen();
    const bytes = new TextEncoder().encode(String(this.total));
    return Promise.resolve({
      write: async (sink) => {
        await sink.put('total', bytes);
        return { manifest: { counter: true } };
      },
      dispose: () => undefined,
    });
  }

  async restore(source: CheckpointSource): Promise<RestoreReport> {
    this.hooks.restored?.();
    if (source.parts.length > 0) this.total = Number(new TextDecoder().decode(await source.read('total')));
    return { not_kept: [] };
  }

  clear(): Promise<void> {
    this.total = 0;
    return Promise.resolve();
  }

  dispose(): void {
    this.disposed = true;
  }

  get value(): number {
    this.assertOpen();
    return this.total;
  }

  /** What a kill from outside looks like. */
  killed(): void {
    this.disposed = true;
    this.context.died({ cause: 'kernel_died', detail: 'It was killed.', fields: { signal: 'SIGKILL' } });
  }

  private die(): never {
    this.killed();
    throw new SojournError('kernel_died', 'It died.', { signal: 'SIGKILL' });
  }

  private hang(run: RunContext): Promise<ExecuteOutcome> {
    run.emit({ type: 'stdout', text: 'hanging' });
    return new Promise((resolve) => {
      const stop = () =>
        resolve({
          status: run.signal.reason === 'timeout' ? 'timeout' : 'interrupted',
          interrupt: { rung: 'signal', ms: 1 },
        });
      if (run.signal.aborted) stop();
      else run.signal.addEventListener('abort', stop, { once: true });
    });
  }

  private assertOpen(): void {
    if (this.disposed) throw errors.closed('The engine');
  }
}

export interface CounterHooks {
  /** Called for every run, the replayed ones too. */
  ran?(sessionId: string, code: string, epoch: number): void;
  /** Called before a state is restored; may throw. */
  restored?(): void;
  /** Called for every engine that is made; may throw. */
  made?(engine: CounterEngine, context: EngineContext): void | Promise<void>;
}

export const counterEngine = (hooks: CounterHooks = {}) =>
  defineEngine({
    name: 'counter',
    apiVersion: 1,
    capabilities: { execute: true, replay: true, clear: true },
    isolation: 'none',
    options: z.strictObject({}),
    operations: [
      defineEngineOperation({
        name: 'get_total',
        access: 'read',
        summary: 'The total.',
        params: z.strictObject({}),
        result: z.object({ total: z.number() }),
        run: (engine: CounterEngine) => Promise.resolve({ total: engine.value }),
      }),
    ],
    create: async (_options, context) => {
      const engine = new CounterEngine(context, hooks);
      await hooks.made?.(engine, context);
      return engine;
    },
  });
