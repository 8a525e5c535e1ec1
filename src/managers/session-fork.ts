/**
 * Makes a session from another one: the same history, the same state, and from then on a life of its own. Where the
 * engine can, its live state is forked, heap and all; else the new session begins with a checkpoint of this moment.
 */
import type { Absence } from '../core/incarnation.js';
import type { SessionInstance } from '../core/session-instance.js';
import { checkConditions } from '../core/write-conditions.js';
import { isSojournError } from '../types/errors.js';
import type { EngineDefinition, IEngines } from '../types/engine.js';
import type { NotKept } from '../types/events.js';
import type { ForkRequest } from '../types/managers.js';
import type { IConfig } from '../types/config.js';
import type { WriteConditions } from '../types/operation.js';
import type { IClock, IFiles, IIds, ILog } from '../types/ports.js';
import type { ForkMoment, ISessionInstance, SessionRecord } from '../types/session.js';
import type { ISessionStore } from '../types/store.js';
import { linkOutputs, sessionFolders } from './session-folders.js';

export interface ForkServices {
  readonly store: ISessionStore;
  readonly engines: IEngines;
  readonly clock: IClock;
  readonly ids: IIds;
  readonly files: IFiles;
  readonly config: Pick<IConfig, 'data_dir'>;
  readonly log: ILog;
}

export interface Wanted {
  readonly id: string;
  readonly owner: string;
  readonly key: string | undefined;
  readonly request: ForkRequest;
  readonly conditions: WriteConditions;
}

export interface Forked {
  instance: SessionInstance;
  live: boolean;
  not_kept: NotKept[];
  reached_seq: number;
  exact: boolean;
  reason?: string;
}

export type MakeInstance = (
  record: SessionRecord,
  definition: EngineDefinition,
  absence: Absence | null,
) => SessionInstance;

/**
 * @throws engine_unavailable when a live fork was demanded and cannot be had · session_exists · conflict ·
 * epoch_mismatch
 */
export async function forkSession(
  source: ISessionInstance,
  wanted: Wanted,
  services: ForkServices,
  make: MakeInstance,
): Promise<Forked> {
  const made: Forked[] = [];
  await source.fork(async (moment) => {
    checkConditions(source.id, source.getState(), wanted.conditions);
    const forked =
      (wanted.request.live === false ? null : await forkLive(moment, wanted, services, make)) ??
      (await forkStored(moment, wanted, services, make));
    made.push(forked);
  });
  const [forked] = made;
  if (!forked) throw new Error('a fork that did not fail made a session');
  services.log.info({ session_id: wanted.id, from: source.id, live: forked.live }, 'a session was forked');
  return forked;
}

/** Null when the engine cannot and need not. */
async function forkLive(
  moment: ForkMoment,
  wanted: Wanted,
  services: ForkServices,
  make: MakeInstance,
): Promise<Forked | null> {
  const record = forkedRecord(moment.record, wanted, services);
  const instance = make(record, definitionOf(moment, services), null);
  try {
    const not_kept = await instance.begin(moment.engine);
    await storeFork(moment.record, record, services, { live: true, not_kept });
    return { instance, live: true, not_kept, reached_seq: moment.record.head_seq, exact: true };
  } catch (error) {
    await instance.dispose();
    const cannot = isSojournError(error, 'engine_unavailable') || isSojournError(error, 'not_supported');
    if (!cannot || wanted.request.live === true) throw error;
    services.log.info({ err: error, session_id: wanted.id }, 'a fork begins with a checkpoint');
    return null;
  }
}

async function forkStored(
  moment: ForkMoment,
  wanted: Wanted,
  services: ForkServices,
  make: MakeInstance,
): Promise<Forked> {
  await moment.checkpoint();
  const source = await services.store.getSession(moment.record.session_id);
  const record = forkedRecord(source ?? moment.record, wanted, services);
  const checkpoints = await services.store.listCheckpoints(moment.record.session_id);
  const not_kept = checkpoints.at(-1)?.not_kept ?? [];
  await storeFork(moment.record, record, services, { live: false, not_kept });
  return {
    instance: make(record, definitionOf(moment, services), { cause: 'forked' }),
    live: false,
    not_kept,
    reached_seq: moment.record.head_seq,
    exact: true,
  };
}

/** @param source as it was at the place of the fork: its head is where the new session begins */
export async function storeFork(
  source: SessionRecord,
  record: SessionRecord,
  services: ForkServices,
  found: { live: boolean; not_kept: NotKept[] },
  head?: { head_checkpoint: string | null },
): Promise<void> {
  const { session_id: sourceId, head_seq: atSeq } = source;
  const outputsOf = (one: SessionRecord) => sessionFolders(one, services.config).outputs;
  await linkOutputs(outputsOf(source), outputsOf(record), services.files);
  await services.store.forkSession({
    source_id: sourceId,
    record,
    at_seq: atSeq,
    ...head,
    event: {
      session_id: record.session_id,
      seq: atSeq + 1,
      at: record.created_at,
      type: 'forked',
      from_session_id: sourceId,
      from_seq: atSeq,
      ...found,
    },
  });
}

export function forkedRecord(
  source: SessionRecord,
  wanted: Wanted,
  { ids, clock }: ForkServices,
): SessionRecord {
  const at = new Date(clock.now()).toISOString();
  // Who may use the one may not use the other.
  const { create_key: _key, shares: _shares, ...inherited } = source;
  return {
    ...inherited,
    session_id: wanted.id,
    uid: ids.uid(),
    family: source.family ?? source.uid,
    name: wanted.request.name ?? wanted.id,
    description: wanted.request.description ?? source.description,
    owner: wanted.owner,
    created_at: at,
    last_activity: at,
    head_seq: source.head_seq + 1,
    parent: { session_id: source.session_id, seq: source.head_seq },
    asleep: null,
    ...(wanted.key === undefined ? {} : { create_key: wanted.key }),
  };
}

function definitionOf({ record }: ForkMoment, { engines }: ForkServices): EngineDefinition {
  const definition = engines.get(record.kind);
  if (!definition) throw new Error(`a live session of kind '${record.kind}' has an engine`);
  return definition;
}
