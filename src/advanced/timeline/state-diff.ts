/** What differs between the states at two places of a session's journal. */
import { readCheckpointManifest } from '../../core/checkpoint-manifest.js';
import { TimeTravel } from '../../core/time-travel.js';
import type { WorkspaceEntry } from '../../core/workspace-manifest.js';
import type { EngineDefinition, StateMember } from '../../types/engine.js';
import { SojournError } from '../../types/errors.js';
import type { ISessionManager } from '../../types/managers.js';
import type { Principal } from '../../types/operation.js';
import type { ISessionPool, SessionRecord } from '../../types/session.js';
import type { CheckpointRecord, ISessionStore } from '../../types/store.js';
import { stateDiffSchema } from '../../types/timeline.js';
import type { StateDiff, StateMoment } from '../../types/timeline.js';
import { diffFiles, diffMembers } from './member-diff.js';

export interface DiffServices {
  readonly store: ISessionStore;
  readonly pool: ISessionPool;
  readonly sessions: ISessionManager;
}

export interface DiffQuery {
  readonly from: number;
  /** The present when left out. */
  readonly to?: number | undefined;
  readonly limit: number;
}

/** @throws checkpoint_not_found for a place that the journal does not have · not_supported */
export async function diffState(
  record: SessionRecord,
  definition: EngineDefinition,
  query: DiffQuery,
  principal: Principal,
  services: DiffServices,
): Promise<StateDiff> {
  const { from, to = record.head_seq, limit } = query;
  assertThere(record, Math.max(from, to));
  if (definition.capabilities.versions === true)
    return diffTables(record.session_id, { from, to, limit }, principal, services);
  if (to === record.head_seq) await services.pool.peek(record.session_id)?.checkpoint('diff');
  const present = (await services.store.getSession(record.session_id)) ?? record;
  const [before, after] = await Promise.all([
    momentAt(present, from, services.store),
    momentAt(present, to, services.store),
  ]);
  const files = diffFiles(filesOf(before.checkpoint), filesOf(after.checkpoint), limit);
  const moments = { from: before.moment, to: after.moment };
  if (!definition.members) return { ...moments, ...files };
  const members = diffMembers(
    membersOf(definition, before.checkpoint),
    membersOf(definition, after.checkpoint),
    limit,
  );
  return { ...moments, ...members, ...files, truncated: files.truncated || members.truncated };
}

function assertThere({ session_id, head_seq }: SessionRecord, seq: number): void {
  if (seq <= head_seq) return;
  const detail = `Session '${session_id}' has no event ${seq}: its journal ends at ${head_seq}.`;
  throw new SojournError('checkpoint_not_found', detail, { session_id, seq, head_seq });
}

const tableDiffSchema = stateDiffSchema.shape.table.unwrap();

async function diffTables(
  id: string,
  query: Required<DiffQuery>,
  principal: Principal,
  { sessions }: DiffServices,
): Promise<StateDiff> {
  const answer = await sessions.use(id, principal, (session) =>
    session.performRead('diff_state', { ...query }),
  );
  const table = tableDiffSchema.parse(answer);
  const exact = (seq: number): StateMoment => ({ seq, reached_seq: seq, exact: true });
  const files = { added: [], removed: [], changed: [] };
  return { from: exact(query.from), to: exact(query.to), table, files, truncated: table.truncated === true };
}

interface Moment {
  readonly moment: StateMoment;
  /** Null for the beginning, which has nothing in it. */
  readonly checkpoint: CheckpointRecord | null;
}

async function momentAt(record: SessionRecord, seq: number, store: ISessionStore): Promise<Moment> {
  const { plan, reachedSeq, reason } = await new TimeTravel(store, record, false).to('goto', { seq });
  const moment = {
    seq,
    reached_seq: reachedSeq,
    exact: reason === null,
    ...(reason === null ? {} : { reason }),
  };
  return { moment, checkpoint: plan?.checkpoint ?? null };
}

const membersOf = (
  definition: EngineDefinition,
  checkpoint: CheckpointRecord | null,
): readonly StateMember[] =>
  checkpoint ? (definition.members?.(readCheckpointManifest(checkpoint).engine) ?? []) : [];

function filesOf(checkpoint: CheckpointRecord | null): ReadonlyMap<string, string> {
  const entries = checkpoint ? (readCheckpointManifest(checkpoint).workspace?.entries ?? []) : [];
  return new Map(
    entries.filter(({ type }) => type !== 'directory').map((entry) => [entry.path, contentOf(entry)]),
  );
}

const contentOf = (entry: WorkspaceEntry): string =>
  entry.type === 'file'
    ? `${entry.mode} ${entry.pieces.join(' ')}`
    : entry.type === 'link'
      ? `> ${entry.target}`
      : '';
