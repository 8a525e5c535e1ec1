/** The thread in which texts are parsed: jobs come as messages, one after the other, and each is answered. */
import { parentPort } from 'node:worker_threads';
import { isSojournError } from '../../../../types/errors.js';
import type { JobKind, Jobs } from './jobs.js';
import { JobRoom } from './jobs.js';

export interface JobMessage<K extends JobKind = JobKind> {
  readonly kind: K;
  readonly input: Jobs[K]['input'];
}
export type JobAnswer =
  | { readonly result: unknown }
  | { readonly code: string; readonly detail: string; readonly fields: Readonly<Record<string, unknown>> };

const room = new JobRoom();

async function answer({ kind, input }: JobMessage): Promise<JobAnswer> {
  try {
    return { result: await room.run(kind, input) };
  } catch (error) {
    if (isSojournError(error)) return { code: error.code, detail: error.detail, fields: error.fields };
    const detail = error instanceof Error ? error.message : String(error);
    return { code: 'data_error', detail: `The content cannot be read: ${detail}`, fields: {} };
  }
}

parentPort?.on('message', (message: JobMessage) => {
  void answer(message).then((reply) => parentPort?.postMessage(reply));
});
