/** The record of a new session: what was asked for, completed by the configuration's defaults. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { issueLine, issueTexts } from '../core/issue-text.js';
import type { IConfig } from '../types/config.js';
import { isolationOf } from '../types/engine.js';
import type { EngineDefinition, IEngines } from '../types/engine.js';
import type { SessionEvent } from '../types/events.js';
import { SojournError } from '../types/errors.js';
import type { CallContext } from '../types/operation.js';
import type { CreateSession, Isolation, SessionRecord } from '../types/session.js';

export interface NewSession {
  readonly id: string;
  readonly uid: string;
  readonly request: CreateSession;
  readonly owner: string;
  readonly at: string;
  readonly key: string | undefined;
  readonly definition: EngineDefinition;
  readonly config: IConfig;
}

const optionsSchema = z.record(z.string(), z.unknown());

const strength: Record<Isolation, number> = { none: 0, process: 1, sandbox: 2 };

/** @throws not_supported when the machine isolates less than was asked · invalid_params for the engine's options */
export async function newRecord(from: NewSession): Promise<SessionRecord> {
  const { request, definition } = from;
  const options = parseOptions(definition, request.options);
  const isolation = await isolationOf(definition, options);
  checkIsolation(request, definition, isolation);
  return {
    session_id: from.id,
    uid: from.uid,
    name: request.name ?? from.id,
    kind: definition.name,
    description: request.description ?? '',
    tags: request.tags ?? [],
    owner: from.owner,
    created_at: from.at,
    last_activity: from.at,
    ...policies(from),
    isolation,
    options,
    epoch: 1,
    head_seq: 0,
    stored_bytes: 0,
    checkpoint_count: 0,
    head_checkpoint: null,
    branch: 'main',
    parent: null,
    total_executions: 0,
    variable_count: 0,
    failure: null,
    asleep: null,
    ...(request.checkpoint === undefined ? {} : { checkpoint_policy: request.checkpoint }),
    ...(from.key === undefined ? {} : { create_key: from.key }),
  };
}

const policies = ({ request, config }: NewSession) => ({
  timeout_s: request.timeout_s ?? config.session.timeout_s,
  expire_after_s: request.expire_after_s ?? config.session.expire_after_s,
  durability: request.durability ?? config.durability,
  recovery: request.recovery ?? config.session.recovery,
});

function checkIsolation(
  { min_isolation: asked }: CreateSession,
  { name }: EngineDefinition,
  isolation: Isolation,
): void {
  if (asked === undefined || strength[isolation] >= strength[asked]) return;
  const detail = `Isolation '${asked}' was asked for; this machine gives '${isolation}' to such ${name} sessions.`;
  throw new SojournError('not_supported', detail, { isolation });
}

/**
 * What the engine makes of a session's options, its defaults included: a session keeps those that it began with.
 * @throws invalid_params
 */
export function parseOptions(
  definition: EngineDefinition,
  given: Record<string, unknown> = {},
): Record<string, unknown> {
  const options = definition.options.safeParse(given);
  if (options.success) return optionsSchema.parse(options.data);
  const detail = issueLine(issueTexts(options.error, given, ['options']).slice(0, 1));
  throw new SojournError('invalid_params', detail, { kind: definition.name });
}

/**
 * Names a creation that may be repeated, so that its repetition finds the session it made.
 * @param origin what it is made from, if not from nothing
 */
export function createKey(call: CallContext, ...origin: string[]): string | undefined {
  if (call.idempotency_key === undefined) return undefined;
  return createHash('sha256')
    .update(JSON.stringify([...origin, call.principal.id, call.idempotency_key]))
    .digest('hex');
}

/** The first event of every journal that begins with itself. */
export const createdEvent = ({ session_id, created_at, kind, owner }: SessionRecord): SessionEvent => ({
  session_id,
  seq: 0,
  at: created_at,
  type: 'created',
  kind,
  owner,
});

/** @throws invalid_params with the kinds that there are */
export function engineOf(engines: IEngines, kind: string): EngineDefinition {
  const definition = engines.get(kind);
  if (definition) return definition;
  const kinds = [...engines.keys()].join(', ');
  throw new SojournError('invalid_params', `kind: no engine for '${kind}'; there are: ${kinds}.`, { kind });
}
