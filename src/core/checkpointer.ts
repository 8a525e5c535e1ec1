/**
 * Takes a checkpoint: the state is fixed while the mailbox waits, then written beside further work, and recorded in
 * one step when all of its parts are stored. A checkpoint that fails leaves the former one in force.
 */
import type { ICapture, IEngine, IWarmState, PartSink } from '../types/engine.js';
import type { NotKept } from '../types/events.js';
import type { SessionRecord } from '../types/session.js';
import type { CheckpointRecord, ISessionStore, PartPin, PartRef } from '../types/store.js';
import { readCheckpointManifest } from './checkpoint-manifest.js';
import type { SessionServices } from './session-services.js';
import { captureWorkspace } from './workspace.js';
import type { WorkspaceCapture } from './workspace.js';

/** Collects the parts of one checkpoint. */
class CheckpointParts implements PartSink {
  readonly refs: PartRef[] = [];
  private readonly sizes = new Map<string, number>();

  constructor(
    private readonly store: ISessionStore,
    private readonly pin: PartPin,
    known: readonly PartRef[],
  ) {
    for (const part of known) {
      this.sizes.set(part.hash, part.size);
      pin.add(part.hash);
    }
  }

  /** Only what this session stored before: whether another session holds the same bytes is not to be learned. */
  has(hash: string): boolean {
    return this.sizes.has(hash) && this.store.hasPart(hash);
  }

  async put(name: string, bytes: Uint8Array | AsyncIterable<Uint8Array>): Promise<string> {
    const { hash, size } = await this.store.putPart(bytes, this.pin);
    this.sizes.set(hash, size);
    this.refs.push({ name, hash, size });
    return hash;
  }

  reuse(name: string, hash: string): void {
    const size = this.sizes.get(hash);
    if (size === undefined) throw new Error(`part ${hash} is not known`);
    this.refs.push({ name, hash, size });
  }
}

export interface Stored {
  readonly checkpoint: CheckpointRecord;
  /** The state itself, where it could be kept; whoever gets it disposes it. */
  readonly warm: IWarmState | null;
}

/** A state that is fixed; `write` stores it. */
export interface FixedState {
  write(): Promise<Stored>;
  dispose(): Promise<void>;
}

export interface FixRequest {
  readonly record: SessionRecord;
  readonly previous: CheckpointRecord | null;
  readonly pending: readonly number[];
  /** Inputs whose effect is in the state and whose results are yet to come. */
  readonly applied: readonly number[];
  readonly reason: string;
  readonly checkpointId: string;
}

/** A state without anything in it, for a session that starts afresh; its files stay. */
const emptyCapture: ICapture = {
  write: () => Promise.resolve({ manifest: {} }),
  dispose: () => undefined,
};

/** Why the empty state is stored: it counts from the restart on that comes next. */
export const emptied = 'emptied';

export const fixEmptyState = (services: SessionServices, request: FixRequest): Promise<FixedState> =>
  fix(services, request, () => Promise.resolve(emptyCapture));

/** To be called while nothing runs in the session. `freezable`: the state itself is wanted too. */
export const fixState = (
  services: SessionServices,
  request: FixRequest & { engine: IEngine; freezable: boolean },
): Promise<FixedState> =>
  fix(services, request, () => request.engine.capture({ freezable: request.freezable }));

async function fix(
  services: SessionServices,
  request: FixRequest,
  captureEngine: () => Promise<ICapture>,
): Promise<FixedState> {
  const { store } = services;
  const pin = store.pinParts();
  const parts = new CheckpointParts(store, pin, request.previous?.parts ?? []);
  let capture: ICapture | undefined;
  try {
    capture = await captureEngine();
    // User code may have removed its own folder.
    await services.files.makeDirectory(services.workspace, 0o700);
    const files = await captureFiles(services, request.previous, parts);
    const fixed = capture;
    return {
      write: () => writeState(services, request, fixed, parts, files),
      dispose: async () => {
        pin.release();
        await fixed.dispose();
      },
    };
  } catch (error) {
    pin.release();
    await capture?.dispose();
    throw error;
  }
}

function captureFiles(
  services: SessionServices,
  previous: CheckpointRecord | null,
  parts: PartSink,
): Promise<WorkspaceCapture> {
  const known = previous ? readCheckpointManifest(previous).workspace : null;
  const { files, clock, config } = services;
  return captureWorkspace(services.workspace, parts, known, {
    maxBytes: config.limits.workspace_bytes,
    files,
    clock,
  });
}

async function writeState(
  services: SessionServices,
  request: FixRequest,
  capture: ICapture,
  parts: CheckpointParts,
  files: WorkspaceCapture,
): Promise<Stored> {
  const { record } = request;
  const content = await capture.write(parts);
  const not_kept: NotKept[] = [...(content.not_kept ?? []), ...files.notKept];
  const checkpoint: CheckpointRecord = {
    checkpoint_id: request.checkpointId,
    seq: record.head_seq,
    parent: record.head_checkpoint,
    branch: record.branch,
    epoch: record.epoch,
    reason: request.reason,
    created_at: new Date(services.clock.now()).toISOString(),
    manifest: {
      engine: content.manifest,
      workspace: files.manifest,
      pending: request.pending,
      applied: request.applied,
    },
    parts: parts.refs,
    not_kept,
  };
  await services.store.addCheckpoint(record.session_id, checkpoint, {});
  return { checkpoint, warm: await frozen(capture, services) };
}

/** The checkpoint is stored, whatever becomes of this. */
async function frozen(capture: ICapture, { log }: SessionServices): Promise<IWarmState | null> {
  try {
    return (await capture.freeze?.()) ?? null;
  } catch (error) {
    log.warn({ err: error }, 'the state of a checkpoint could not be kept warm');
    return null;
  }
}
