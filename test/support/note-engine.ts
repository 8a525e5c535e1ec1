/** An engine that keeps the contract and nothing but a word. Each of its methods can be broken on its own. */
import { z } from 'zod';
import type { EngineFixture } from '../../src/contracts/engine.js';
import type {
  CheckpointContent,
  CheckpointSource,
  EngineContext,
  EngineDefinition,
  ExecuteOutcome,
  ExecuteRequest,
  ICapture,
  IEngine,
  IWarmState,
  PartSink,
  RunContext,
} from '../../src/types/engine.js';
import { errors } from '../../src/types/errors.js';

export class NoteEngine implements IEngine {
  word = '';
  closed = false;

  constructor(
    readonly context: EngineContext,
    /** 1 for the first engine of a fixture. */
    readonly number: number,
  ) {}

  execute({ code }: ExecuteRequest, run: RunContext): Promise<ExecuteOutcome> {
    if (this.closed) return this.refuse();
    if (run.signal.aborted) return Promise.resolve({ status: 'interrupted' });
    const [verb, argument = ''] = code.split(' ');
    if (verb === 'fail') return Promise.resolve(this.fail());
    if (verb === 'wait') return this.wait(run);
    if (verb === 'add') this.word += argument;
    else this.show(run, this.word);
    return Promise.resolve({ status: 'ok' });
  }

  show(run: RunContext, text: string): void {
    run.emit({ type: 'execute_result', data: { 'text/plain': `<${text}>` } });
  }

  fail(): ExecuteOutcome {
    return { status: 'error', error: { name: 'Failed', message: '', traceback: '' } };
  }

  wait(run: RunContext): Promise<ExecuteOutcome> {
    const stopped = new Promise<ExecuteOutcome>((resolve) => {
      run.signal.addEventListener('abort', () => resolve({ status: this.stopStatus(run) }));
    });
    run.emit({ type: 'stdout', text: 'waiting' });
    return stopped;
  }

  stopStatus(run: RunContext): 'timeout' | 'interrupted' {
    return run.signal.reason === 'timeout' ? 'timeout' : 'interrupted';
  }

  capture(): Promise<ICapture> {
    if (this.closed) return this.refuse();
    const { word } = this;
    return Promise.resolve({
      write: (sink) => this.write(word, sink),
      freeze: () => Promise.resolve(this.freeze(() => word)),
      dispose: () => undefined,
    });
  }

  freeze(word: () => string): IWarmState {
    let isThere = true;
    let end: () => void = () => undefined;
    const gone = new Promise<void>((resolve) => (end = resolve));
    const dispose = () => {
      isThere = false;
      end();
    };
    return {
      gone,
      dispose,
      wake: (context) => {
        if (!isThere) return this.refuse();
        dispose();
        const engine = this.again(context);
        engine.word = word();
        return Promise.resolve({ engine, not_kept: [] });
      },
    };
  }

  again(context: EngineContext): NoteEngine {
    return new NoteEngine(context, this.number);
  }

  async write(word: string, sink: PartSink): Promise<CheckpointContent> {
    await sink.put('word', new TextEncoder().encode(word));
    return { manifest: { length: word.length } };
  }

  async restore(source: CheckpointSource): Promise<{ not_kept: [] }> {
    if (this.closed) return this.refuse();
    this.word = source.parts.length > 0 ? new TextDecoder().decode(await source.read('word')) : '';
    return { not_kept: [] };
  }

  clear(): Promise<void> {
    if (this.closed) return this.refuse();
    this.word = '';
    return Promise.resolve();
  }

  memoryBytes(): number {
    return 0;
  }

  dispose(): void {
    this.closed = true;
  }

  refuse(): Promise<never> {
    return Promise.reject(errors.closed('The note'));
  }
}

/** A fixture whose engines are made of `Kind`. */
export function noteFixture(Kind = NoteEngine, changes: Partial<EngineDefinition> = {}): EngineFixture {
  let engines = 0;
  const definition: EngineDefinition = {
    name: 'note',
    apiVersion: 1,
    capabilities: { execute: true, replay: true, clear: true },
    isolation: 'none',
    options: z.strictObject({}),
    create: (_options, context) => Promise.resolve(new Kind(context, (engines += 1))),
    ...changes,
  };
  return {
    definition,
    sample: {
      change: 'add one',
      changeAgain: 'add two',
      show: 'show',
      shown: { fresh: '<>', one: '<one>', two: '<onetwo>' },
      fails: 'fail',
      endless: { code: 'wait', text: 'waiting' },
    },
    workspace: () => Promise.resolve('/nowhere'),
    patienceMs: 30,
  };
}
