/**
 * Runs jobs of one load: small texts at once, everything else in a worker thread of limited memory, which is ended
 * when a job takes too long, when the load is stopped and at the end of the load.
 *
 * Under a loader for TypeScript the worker has to register that loader itself before it can import its entry; the
 * compiled one is started as it is.
 */
import { Worker } from 'node:worker_threads';
import type { ErrorCode } from '../../../../types/errors.js';
import { errorTable, SojournError } from '../../../../types/errors.js';
import type { Disposable, IClock } from '../../../../types/ports.js';
import { loadErrors } from '../load-errors.js';
import type { JobAnswer } from './job-worker.js';
import type { JobKind, Jobs } from './jobs.js';
import { JobRoom } from './jobs.js';

const memoryMb = 512;
const timeLimitMs: Record<JobKind, number> = {
  yaml: 20_000,
  markdown: 20_000,
  documents: 120_000,
  excel: 120_000,
  fake: 60_000,
  piece: 60_000,
  compose: 60_000,
  liquid: 20_000,
  names: 5_000,
};

/** Parsed on the event loop up to this size. */
const smallText = 8192;

export class JobRunner implements Disposable {
  private worker: Worker | null = null;
  private readonly room = new JobRoom();

  constructor(
    private readonly clock: IClock,
    private readonly signal: AbortSignal,
  ) {}

  /** @throws what the job throws · timeout · limit_exceeded when it takes too much memory */
  async run<K extends JobKind>(kind: K, input: Jobs[K]['input']): Promise<Jobs[K]['output']> {
    if (this.signal.aborted) throw this.stopped();
    if ((kind === 'yaml' || kind === 'markdown') && isSmall(input)) return this.room.run(kind, input);
    return (await this.send(kind, input)) as Jobs[K]['output'];
  }

  async dispose(): Promise<void> {
    const { worker } = this;
    this.worker = null;
    await worker?.terminate();
  }

  private async send(kind: JobKind, input: unknown): Promise<unknown> {
    const worker = (this.worker ??= startWorker());
    let end: () => void = () => undefined;
    try {
      const answer = await new Promise<JobAnswer>((resolve, reject) => {
        const timer = this.clock.setTimer(timeLimitMs[kind], () => reject(tooLong(kind)));
        const stop = () => reject(this.stopped());
        const failed = (error: Error) => reject(died(error));
        const gone = () => reject(died(new Error('its thread has ended')));
        worker.on('message', resolve).on('error', failed).on('exit', gone);
        this.signal.addEventListener('abort', stop, { once: true });
        end = () => {
          timer.cancel();
          worker.off('message', resolve).off('error', failed).off('exit', gone);
          this.signal.removeEventListener('abort', stop);
        };
        worker.postMessage({ kind, input });
      });
      return resultOf(answer);
    } catch (error) {
      end();
      if (!(error instanceof AnswerError)) await this.dispose();
      throw error instanceof AnswerError ? error.reason : error;
    } finally {
      end();
    }
  }

  private stopped(): SojournError {
    return new SojournError('timeout', `The loading was stopped (${String(this.signal.reason)}).`);
  }
}

/** The job itself failed, and its worker can go on. */
class AnswerError extends Error {
  constructor(readonly reason: SojournError) {
    super(reason.detail);
  }
}

function resultOf(answer: JobAnswer): unknown {
  if ('result' in answer) return answer.result;
  const code: ErrorCode = isCode(answer.code) ? answer.code : 'data_error';
  throw new AnswerError(new SojournError(code, answer.detail, answer.fields));
}

const isCode = (code: string): code is ErrorCode => Object.hasOwn(errorTable, code);

const tooLong = (kind: JobKind): SojournError =>
  new SojournError(
    'timeout',
    `Reading (${kind}) took longer than ${timeLimitMs[kind] / 1000} s and was stopped.`,
  );

function died(error: Error): SojournError {
  if (Reflect.get(error, 'code') === 'ERR_WORKER_OUT_OF_MEMORY')
    return new SojournError(
      'limit_exceeded',
      `The content takes more than ${memoryMb} MB to parse; csv and parquet are read without parsing them whole.`,
      { limit: 'memory' },
    );
  return loadErrors.data(`The content cannot be read: ${error.message}`, {}, error);
}

/** Deep nesting costs more than its length tells. */
function isSmall(input: Jobs[JobKind]['input']): boolean {
  if (!('text' in input) || input.text.length > smallText) return false;
  return (input.text.match(/[[{*]/g)?.length ?? 0) <= 200;
}

function startWorker(): Worker {
  const entry = new URL('./job-worker.js', import.meta.url);
  const resourceLimits = { maxOldGenerationSizeMb: memoryMb, maxYoungGenerationSizeMb: 64 };
  if (!import.meta.url.endsWith('.ts')) return new Worker(entry, { resourceLimits, execArgv: [] });
  const source = `const { workerData } = require('node:worker_threads');
    import('tsx/esm/api').then(({ register }) => { register(); return import(workerData); });`;
  return new Worker(source, { eval: true, workerData: entry.href, resourceLimits, execArgv: [] });
}
