/** Makes a session: its limits, its folder with what was sent along, its record, and the state it begins with. */
import type { Absence } from '../core/incarnation.js';
import type { SessionInstance } from '../core/session-instance.js';
import type { IConfig } from '../types/config.js';
import type { EngineDefinition, IEngines } from '../types/engine.js';
import { SojournError } from '../types/errors.js';
import type { CallContext } from '../types/operation.js';
import type { IClock, IFiles, IIds, ILog } from '../types/ports.js';
import type { CreateSession, ISessionPool, SessionRecord } from '../types/session.js';
import type { ISessionStore } from '../types/store.js';
import { createdEvent, engineOf, newRecord } from './new-session.js';
import { removeSessionFolders, sessionFolders } from './session-folders.js';
import { checkKindLimits, checkSessionLimits } from './session-limits.js';

export interface CreationServices {
  readonly store: ISessionStore;
  readonly pool: ISessionPool;
  readonly engines: IEngines;
  readonly config: IConfig;
  readonly clock: IClock;
  readonly ids: IIds;
  readonly files: IFiles;
  readonly log: ILog;
}

export interface WantedSession {
  readonly id: string;
  readonly request: CreateSession;
  readonly call: CallContext;
  readonly key: string | undefined;
}

type MakeInstance = (
  record: SessionRecord,
  definition: EngineDefinition,
  absence: Absence | null,
) => SessionInstance;

/**
 * @throws limit_exceeded · not_supported · invalid_params · whatever the engine has against it: nothing is left then
 */
export async function createSession(
  { id, request, call, key }: WantedSession,
  services: CreationServices,
  make: MakeInstance,
): Promise<SessionInstance> {
  const { store, config, clock, ids, files, log } = services;
  const definition = engineOf(services.engines, request.kind ?? 'python');
  await checkSessionLimits(store, config, call.principal);
  await checkKindLimits(definition, services);
  const at = new Date(clock.now()).toISOString();
  const owner = call.principal.id;
  const asked = await newRecord({ id, uid: ids.uid(), request, owner, at, key, definition, config });
  let instance: SessionInstance | undefined;
  try {
    const record = await withIntake(asked, definition, call, services);
    await store.createSession(record, createdEvent(record));
    instance = make(record, definition, null);
    await instance.wake();
  } catch (error) {
    await instance?.dispose();
    if (instance) await store.deleteSession(id);
    await removeSessionFolders(sessionFolders(asked, config), files, log.child({ session_id: id }));
    throw error;
  }
  log.info({ session_id: id, kind: definition.name }, 'a session was created');
  return instance;
}

/** Sees to it that a record stays small: what is large lies in the workspace. */
async function withIntake(
  record: SessionRecord,
  definition: EngineDefinition,
  { body }: CallContext,
  { config, files }: CreationServices,
): Promise<SessionRecord> {
  if (!definition.intake) {
    if (!body) return record;
    throw new SojournError('invalid_params', `Sessions of kind '${definition.name}' begin with no file.`);
  }
  const { workspace } = sessionFolders(record, config);
  await files.makeDirectory(workspace, 0o700);
  const options = definition.options.parse(record.options);
  return { ...record, options: await definition.intake(options, { workspace, body: body ?? null }) };
}
